"""Refusals of tools that merge decoupled layers with other layers as if linear.

Such tools compute new kernels, outside of the layer: they multiply those of a
convolution by the scale of the batch norm that follows, or add those of parallel
convolutions. A decoupled layer normalises its kernels, so that its output would be
another one, without any error.
"""

from typing import Optional

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.module import register_module_module_registration_hook

from .decoupled import DecoupledOperator

# Names under which hosts store the convolution that replaces parallel ones:
# MMPretrain's RepVGG and MobileOne, its RepLKNet, and timm.
MERGED = ('branch_reparam', 'lkb_reparam', 'reparam_conv')
REMEDY = 'its kernels are normalised; use mmadf.models.surgery.fold instead.'


def check_parameter(layer: nn.Module, name: str, new: Optional[Tensor]) -> None:
    """Refuse a parameter that a tool has computed to fold a batch norm into a layer.

    Args:
        layer: a decoupled layer.
        name: name of the parameter that is replaced.
        new: the parameter that replaces it.

    Raises:
        ValueError: a bias for a layer without one, or the kernels of the layer times
            other factors than 1.
    """
    if new is None or name not in layer._parameters:
        return
    old = layer._parameters[name]
    if old is None or (name == 'weight' and _is_scaled(old, new)):
        what = 'scaled kernels' if name == 'weight' else 'a bias (it has none)'
        raise ValueError(
            f'{type(layer).__name__}: {what} cannot be set, as by tools that fold the '
            f'next batch norm (fuse_conv_bn, fuse_conv_bn_eval): {REMEDY}'
        )


def refuse_linear(layer: nn.Module) -> None:
    """Refuse a convolution with other kernels than those of the layer.

    Raises:
        ValueError: always.
    """
    raise ValueError(
        f'{type(layer).__name__}: the layer has no linear convolution with scaled '
        f'kernels, which efficient_conv_bn_eval computes: {REMEDY}'
    )


def _is_scaled(old: Tensor, new: Tensor) -> bool:
    """Return whether kernels are multiples of other ones, with factors unlike 1."""
    alike = old.shape == new.shape and old.dtype == new.dtype
    if not alike or old.is_meta or new.is_meta or old[0].numel() == 1:
        return False
    old, new = old.detach().flatten(1), new.detach().flatten(1).to(old.device)
    cos = F.cosine_similarity(old.double(), new.double())
    return bool((cos.abs() > 1 - 1e-6).all()) and not torch.allclose(old, new)


def _refuse_merging(module: nn.Module, name: str, child: Optional[nn.Module]) -> None:
    """Refuse the convolution that replaces parallel ones, of which some are decoupled.

    PyTorch calls this function before a module becomes the child of another one. Blocks
    store the merged convolution, under a name in MERGED, before they delete the former
    ones.
    """
    if name not in MERGED or not isinstance(child, nn.Module):
        return
    inside = (m for part in (module, child) for m in part.modules())
    if any(isinstance(m, DecoupledOperator) for m in inside):
        raise ValueError(
            f'{type(module).__name__}: {name} cannot replace convolutions of which '
            'some are decoupled, because their sum is no decoupled convolution: do not '
            'call switch_to_deploy (or set deploy=True) here; '
            'mmadf.models.surgery.fold merges what can be merged.'
        )


register_module_module_registration_hook(_refuse_merging)
