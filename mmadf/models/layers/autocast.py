"""Autocast on any device, also on one that has none."""

from contextlib import nullcontext
from typing import ContextManager

import torch
from torch import Tensor


def has_autocast(x: Tensor) -> bool:
    """Return whether the device of `x` has autocast, which the meta device has not."""
    return not x.is_meta


def without_autocast(x: Tensor) -> ContextManager:
    """Return a context in which operations on the device of `x` keep their precision.

    Args:
        x: tensor on any device.
    """
    if not has_autocast(x):
        return nullcontext()
    return torch.autocast(x.device.type, enabled=False)
