"""Swap the convolutions of a built network for decoupled ones, and back."""

import warnings
from fnmatch import fnmatchcase
from typing import Callable, Dict, List, Sequence

from torch import nn

from mmadf.models.layers.decoupled_conv import DecoupledConv2d

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
    Conv2dSame, and convolutions under `weight_norm` or `spectral_norm` compute
    something else with them, which a decoupled layer would silently drop: they are left
    alone, and a warning names them. Hooks of the replaced modules go with these. A
    module with several names is replaced under all of them, if none is excluded.

    Args:
        model: any network.
        include: shell patterns of module names; what matches none is left alone.
        exclude: shell patterns of module names to leave alone, by default those of
            shortcuts and classifiers.
        operator: arguments of `DecoupledConv2d` from `magnitude` on.

    Returns:
        Names of the replaced modules.

    Raises:
        ValueError: nothing matches, a model that is a convolution itself, or an
            operator that does not exist.
        TypeError: patterns that are no list, or an argument that `DecoupledConv2d`
            does not have.
    """
    _check_patterns(include=include, exclude=exclude)
    found = _named(model, nn.Conv2d)
    excluded = {id(found[name]) for name in found if _matches(name, exclude)}
    included = {id(found[name]) for name in found if _matches(name, include)}
    chosen = {
        name: module
        for name, module in found.items()
        if id(module) in included - excluded
    }
    names = [name for name, module in chosen.items() if _is_plain(module)]
    left = _left_alone(chosen)
    if not names:
        raise ValueError(
            f'decouple: no nn.Conv2d of {type(model).__name__} matches include='
            f'{tuple(include)} without matching exclude={tuple(exclude)}{left}; see '
            'model.named_modules() for the names.'
        )
    if left:
        warnings.warn(f'decouple{left}.', stacklevel=2)
    _replace(model, names, lambda conv: _like(conv, DecoupledConv2d, **operator))
    return names


def recouple(model: nn.Module) -> List[str]:
    """Undo `decouple`: ordinary convolutions with the present weights, in place.

    Returns:
        Names of the replaced modules.
    """
    names = list(_named(model, DecoupledConv2d))
    _replace(model, names, lambda layer: _like(layer, nn.Conv2d))
    return names


def _check_patterns(**patterns: Sequence[str]) -> None:
    for name, value in patterns.items():
        if isinstance(value, str):
            raise TypeError(
                f'decouple: {name}={value!r} is a string; give a list of patterns.'
            )


def _is_plain(conv: nn.Conv2d) -> bool:
    """Whether a convolution computes with its parameter `weight` and nothing else."""
    return type(conv) is nn.Conv2d and 'weight' in conv._parameters


def _left_alone(chosen: Dict[str, nn.Module]) -> str:
    """Say which of these convolutions cannot be swapped; nothing if all can."""
    left = {
        name: type(conv).__name__
        for name, conv in chosen.items()
        if not _is_plain(conv) and type(conv) is not DecoupledConv2d
    }
    if not left:
        return ''
    kinds, first = sorted(set(left.values())), next(iter(left))
    return (
        f': {len(left)} convolutions that are no nn.Conv2d with a weight of their own '
        f'are left alone ({", ".join(kinds)}; the first is {first})'
    )


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _named(model: nn.Module, cls: type) -> Dict[str, nn.Module]:
    """Return the modules of a class under all their names."""
    modules = model.named_modules(remove_duplicate=False)
    return {name: module for name, module in modules if isinstance(module, cls)}


def _replace(
    model: nn.Module,
    names: Sequence[str],
    make: Callable[[nn.Module], nn.Module],
) -> None:
    """Put `make(module)` in the place of each named module, once all are made."""
    if '' in names:
        raise ValueError(
            f'the model is a {type(model).__name__} itself and cannot be replaced in '
            'its own place; put it into nn.Sequential.'
        )
    old = {name: model.get_submodule(name) for name in names}
    made = {id(module): make(module) for module in old.values()}
    for name, module in old.items():
        parent, _, child = name.rpartition('.')
        setattr(model.get_submodule(parent), child, made[id(module)])


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
