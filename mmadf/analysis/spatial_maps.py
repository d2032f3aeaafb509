"""What Wise-SrNet has learned about places: its kernels as maps."""

from typing import Dict, NamedTuple, Optional

import torch
from torch import Tensor, nn

from mmadf.models.layers.spatial_kernel import SpatialKernel
from mmadf.models.necks import WiseSrNetPooling
from mmadf.utils.modes import evaluating


class SpatialMaps(NamedTuple):
    """Weights by position: of each channel, (C, h, w), their mean, (h, w), and what
    each class makes of them, (K, h, w), None where no linear classifier follows.
    """

    channels: Tensor
    mean: Tensor
    classes: Optional[Tensor]


def spatial_maps(model: nn.Module) -> Dict[str, SpatialMaps]:
    """Return the learned maps of every `WiseSrNetHead` and `WiseSrNetPooling`.

    The map of class k is sum over channels c of fc[k, c] * kernel[c]: how the logit
    answers where every channel is 1 at one position. A neck is followed by the `fc`
    of the head beside it.

    Args:
        model: a classifier.

    Returns:
        Maps by name of the module, on the CPU, as they are used in evaluation.

    Raises:
        ValueError: no such module has a kernel.
    """
    with evaluating(model):
        found = {
            name.removesuffix('.pooling'): _maps(
                module, _classifier(model, name, module)
            )
            for name, module in model.named_modules()
            if isinstance(module, WiseSrNetPooling)
            and isinstance(module.spatial, SpatialKernel)
        }
    if not found:
        parts = {n: type(m).__name__ for n, m in model.named_children()}
        raise ValueError(
            f'spatial_maps: no WiseSrNetHead or WiseSrNetPooling with a kernel among '
            f"{parts}; give a network with one, whose pooling is 'depthwise' or "
            "'shared'."
        )
    return found


def _maps(pooling: WiseSrNetPooling, fc: Optional[nn.Linear]) -> SpatialMaps:
    kernel = pooling.spatial.effective_weight().detach().float().cpu()[:, 0]
    kernel = kernel.expand(pooling.in_channels, -1, -1)
    classes = None
    if fc is not None:
        classes = torch.einsum('kc,chw->khw', fc.weight.detach().float().cpu(), kernel)
    return SpatialMaps(kernel, kernel.mean(0), classes)


def _classifier(
    model: nn.Module, name: str, pooling: WiseSrNetPooling
) -> Optional[nn.Linear]:
    """Return the linear layer that reads the output of `pooling`."""
    parent, _, slot = name.rpartition('.')
    owner = model.get_submodule(parent)
    head = owner if slot == 'pooling' else None
    if slot.endswith('neck'):
        head = getattr(owner, slot.removesuffix('neck') + 'head', None)
    fc = getattr(head, 'fc', None)
    fits = isinstance(fc, nn.Linear) and fc.in_features == pooling.in_channels
    return fc if fits else None
