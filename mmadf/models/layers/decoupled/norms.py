"""Norms of kernels and inputs, safe at zero and in low precision."""

from contextlib import nullcontext
from typing import ContextManager, Tuple

import torch
from torch import Tensor

from .primitives import at_least_float32, is_traced

EPS = 1e-4  # Code: added under both square roots and to the squared radius.


def norm(x: Tensor, dims: Tuple[int, ...]) -> Tensor:
    """Return sqrt(sum of squares + 1e-4) over `dims`, kept. Code: wy1iu/DCNets."""
    x = at_least_float32(x)
    if is_traced() or (torch.is_grad_enabled() and x.requires_grad):
        squares = x.square().sum(dims, keepdim=True)
    else:  # twice as fast, but its second derivative at 0 is NaN
        squares = torch.linalg.vector_norm(x, dim=dims, keepdim=True).square()
    return (squares + EPS).sqrt()


def normalised(weight: Tensor, q: Tensor) -> Tensor:
    """Return kernels divided by their norms `q`, in their own precision."""
    return (at_least_float32(weight) / q).to(weight.dtype)


def input_scale(x: Tensor) -> float:
    """Return a power of 2 that keeps dot products in float16 from overflowing.

    1/8 where `x` is multiplied in float16, itself or under autocast, else 1.
    """
    kind = x.device.type
    autocast = torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)
    dtype = torch.get_autocast_dtype(kind) if autocast else x.dtype
    return 2.0**-3 if dtype == torch.float16 else 1.0


def without_autocast(x: Tensor) -> ContextManager:
    """Switch autocast off for the device of `x`; the meta device has none."""
    kind = x.device.type
    if not torch.amp.is_autocast_available(kind):
        return nullcontext()
    return torch.autocast(kind, enabled=False)
