"""Mixed precision in bfloat16, on GPU and CPU alike."""

from contextlib import contextmanager
from typing import Iterator

import torch
from mmengine.optim import OptimWrapper
from mmengine.runner import autocast
from torch import nn

from mmadf.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class BFloat16OptimWrapper(OptimWrapper):
    """Run forward passes of training under autocast to bfloat16.

    bfloat16 has the range of float32, so that gradients need no scaling. MMEngine's
    `AmpOptimWrapper` scales them, which float16 needs, and for that asks for a GPU.
    Weights, gradients and the optimizer stay in float32. Takes the arguments of
    MMEngine's `OptimWrapper`.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Add autocast to the context of a forward pass.

        Args:
            model: network to train, wrapped or not.
        """
        with super().optim_context(model), autocast(dtype=torch.bfloat16):
            yield
