"""Remove the modules of a network that nothing uses."""

from typing import Sequence

from torch import nn


def trim(backbone: nn.Module, kept: Sequence[str]) -> None:
    """Replace all modules of a backbone by `nn.Identity`, except those in `kept`.

    Modules inside the kept ones are kept as well. Modules are replaced instead of
    deleted because backbones look up their stages by name when they switch between
    training and evaluation.

    Args:
        backbone: changed in place.
        kept: names of modules.
    """
    for name, child in backbone.named_children():
        inside = [k.partition('.')[2] for k in kept if k.split('.')[0] == name]
        if not inside and next(child.parameters(), None) is not None:
            setattr(backbone, name, nn.Identity())
        elif inside and '' not in inside:
            trim(child, inside)
