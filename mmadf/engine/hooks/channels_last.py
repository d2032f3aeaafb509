"""Convolutions in the memory format that tensor cores read."""

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch.distributed.tensor import DTensor

from mmadf.engine.unwrap import unwrap
from mmadf.registry import HOOKS


@HOOKS.register_module()
class ChannelsLastHook(Hook):
    """Store the weights of convolutions channels-last, before anything runs.

    PyTorch then computes every map in that format, from the first convolution on:
    the images need no conversion. Results are those of the usual format.
    """

    priority = 'VERY_HIGH'  # before hooks that copy the model, as EMAHook

    def before_run(self, runner: Runner) -> None:
        """Convert the model.

        Raises:
            ValueError: the weights are sharded, which keeps no memory format.
        """
        model = unwrap(runner.model)
        if any(isinstance(weight, DTensor) for weight in model.parameters()):
            raise ValueError(
                'ChannelsLastHook: the weights are sharded, and a shard has no memory '
                'format; leave the hook out, or train without FullyShardStrategy.'
            )
        model.to(memory_format=torch.channels_last)
