"""Training and evaluation mode of modules."""

from contextlib import contextmanager
from typing import Iterator

from torch import nn


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Set a network to evaluation mode and restore the mode of each module on exit.

    Args:
        network: its modules may have different modes, for instance frozen stages that
            stay in evaluation mode during training.
    """
    modes = {module: module.training for module in network.modules()}
    network.train(False)
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training
