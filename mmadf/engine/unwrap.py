"""The model itself, behind what a strategy wraps around it."""

from mmengine.model import is_model_wrapper
from torch import nn


def unwrap(model: nn.Module) -> nn.Module:
    """Return the model inside a wrapper, as DistributedDataParallel; else itself."""
    return model.module if is_model_wrapper(model) else model
