"""Channels-last memory format for convolutions."""

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.utils import get_ori_model

from mmadf.registry import HOOKS


@HOOKS.register_module()
class ChannelsLastHook(Hook):
    """Convert the weights of the model to channels-last before training or testing.

    PyTorch then computes every feature map in that format, starting with the first
    convolution, so that the images need no conversion. The results are those of the
    default format up to rounding.
    """

    priority = 'VERY_HIGH'  # before hooks that copy the model, such as EMAHook

    def before_run(self, runner: Runner) -> None:
        """Convert the model."""
        get_ori_model(runner.model).to(memory_format=torch.channels_last)
