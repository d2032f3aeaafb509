"""Mixed-precision training in bfloat16, on GPUs and CPUs."""

from contextlib import contextmanager
from typing import Iterator

import torch
from mmengine.optim import OptimWrapper
from mmengine.runner import autocast
from torch import nn

from mmadf.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class BFloat16OptimWrapper(OptimWrapper):
    """Run the forward passes of training under autocast to bfloat16.

    bfloat16 has the range of float32, so the loss needs no scaling. MMEngine's
    `AmpOptimWrapper` always scales the loss, which float16 requires, and therefore
    needs a GPU. Weights, gradients and optimizer states stay in float32. The arguments
    are those of MMEngine's `OptimWrapper`.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Run a forward pass under autocast.

        Args:
            model: network to train, wrapped or not.
        """
        with super().optim_context(model), autocast(dtype=torch.bfloat16):
            yield
