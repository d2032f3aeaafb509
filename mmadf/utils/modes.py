"""Training and evaluation mode of modules."""

from contextlib import contextmanager
from typing import Iterator

from torch import nn


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Put a network into evaluation mode; afterwards each module has its own again.

    Args:
        network: whose modules may differ, as where frozen stages evaluate in training.
    """
    modes = {module: module.training for module in network.modules()}
    network.train(False)
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training
