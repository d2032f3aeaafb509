"""Swap the convolutions of a built network for decoupled ones, and back."""

import warnings
from fnmatch import fnmatchcase
from typing import Callable, Dict, Iterator, List, Sequence, Tuple

import torch
from torch import nn

from .decoupled import DecoupledOperator
from .decoupled_conv import DecoupledConv2d

# Paper: shortcuts and the classifier stay ordinary convolutions.
ORDINARY = ('*downsample*', '*shortcut*', '*fc*', '*head*', '*classifier*')


def decouple(
    model: nn.Module,
    include: Sequence[str] = ('*',),
    exclude: Sequence[str] = ORDINARY,
    **operator,
) -> List[str]:
    """Replace `nn.Conv2d` in a network, in place, keeping its weights.

    Weight and bias stay the same parameters, so that optimizers and checkpoints
    that hold them stay valid. Subclasses of `nn.Conv2d`, as timm's StdConv2d and
    Conv2dSame, compute something else with them, which a decoupled layer would
    silently drop: they are left alone, and a warning names them.

    Args:
        model: any network.
        include: shell patterns of module names; what matches none is left alone.
        exclude: shell patterns of module names to leave alone, by default those of
            shortcuts and classifiers.
        operator: arguments of `DecoupledConv2d` from `magnitude` on.

    Returns:
        Names of the replaced modules.

    Raises:
        ValueError: nothing matches, or an operator that does not exist.
        TypeError: an argument that `DecoupledConv2d` does not have.
    """
    chosen = {
        name: type(module)
        for name, module in model.named_modules()
        if isinstance(module, nn.Conv2d)
        and _matches(name, include)
        and not _matches(name, exclude)
    }
    names = [name for name, cls in chosen.items() if cls is nn.Conv2d]
    if not names:
        raise ValueError(
            f'decouple: no nn.Conv2d of {type(model).__name__} matches include='
            f'{tuple(include)} without matching exclude={tuple(exclude)}'
            f'{_subclasses(chosen)}; see model.named_modules() for the names.'
        )
    if left := _subclasses(chosen):
        warnings.warn(f'decouple{left}.', stacklevel=2)
    _replace(model, names, lambda conv: _like(conv, DecoupledConv2d, **operator))
    return names


def recouple(model: nn.Module) -> List[str]:
    """Undo `decouple`: ordinary convolutions with the present weights, in place.

    Returns:
        Names of the replaced modules.
    """
    names = [name for name, _ in _decoupled(model, DecoupledConv2d)]
    _replace(model, names, lambda layer: _like(layer, nn.Conv2d))
    return names


@torch.no_grad()
def fold(model: nn.Module) -> List[str]:
    """Do once, for inference, what decoupled layers do in every forward pass.

    Linear-cosine layers become ordinary ones of the same output: alpha * |x| *
    cos(w, x) is a convolution, or a matrix product, with alpha * w / |w|. The others
    fix their kernels, see `DecoupledOperator.fix_kernels`. The weights are new
    parameters.

    Returns:
        Names of the folded modules.
    """
    layers = dict(_decoupled(model, DecoupledOperator))
    plain = [name for name in layers if layers[name].names == ('linear', 'cosine')]
    _replace(model, plain, _folded)
    for name in set(layers) - set(plain):
        layers[name].fix_kernels()
    return list(layers)


def _subclasses(chosen: Dict[str, type]) -> str:
    """Say which of these convolutions are of subclasses; nothing if none is."""
    left = {
        name: cls.__name__
        for name, cls in chosen.items()
        if cls not in (nn.Conv2d, DecoupledConv2d)
    }
    if not left:
        return ''
    kinds, first = sorted(set(left.values())), next(iter(left))
    return (
        f': {len(left)} convolutions of subclasses of nn.Conv2d are left alone '
        f'({", ".join(kinds)}; the first is {first})'
    )


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _decoupled(model: nn.Module, cls: type) -> Iterator[Tuple[str, nn.Module]]:
    for name, module in model.named_modules():
        if isinstance(module, cls):
            yield name, module


def _replace(
    model: nn.Module,
    names: Sequence[str],
    make: Callable[[nn.Module], nn.Module],
) -> None:
    """Put `make(module)` in the place of each named module."""
    for name in names:
        parent, _, child = name.rpartition('.')
        owner = model.get_submodule(parent)
        setattr(owner, child, make(getattr(owner, child)))


def _like(conv: nn.Conv2d, cls: type, **operator) -> nn.Conv2d:
    """Return a layer of class `cls` with geometry, mode and parameters of `conv`."""
    layer = cls(
        conv.in_channels,
        conv.out_channels,
        conv.kernel_size,
        conv.stride,
        conv.padding,
        conv.dilation,
        conv.groups,
        conv.bias is not None,
        conv.padding_mode,
        **operator,
    ).to(conv.weight)
    layer.weight, layer.bias = conv.weight, conv.bias
    return layer.train(conv.training)


def _folded(layer: DecoupledOperator) -> nn.Module:
    if isinstance(layer, nn.Linear):
        sizes = layer.in_features, layer.out_features, layer.bias is not None
        plain = nn.Linear(*sizes).to(layer.weight).train(layer.training)
        plain.bias = layer.bias
    else:
        plain = _like(layer, nn.Conv2d)
    kernels, _ = layer.unit_kernels(layer.weight)
    plain.weight = nn.Parameter(layer.alpha * kernels)
    return plain
