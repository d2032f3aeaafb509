"""Swap the convolutions of a built network for decoupled ones, and back."""

import warnings
from fnmatch import fnmatchcase
from typing import Dict, List, Sequence

from mmengine.logging import print_log
from torch import nn

from mmadf.models.layers import DecoupledConv2d
from mmadf.utils.messages import first_names

from .replace import convolution_like, find, has_own_weight, replace

# Paper: shortcuts and the classifier stay ordinary convolutions. Only whole parts of
# names tell them: downsample_layers (ConvNeXt) and conv_head (timm) are the main path.
ORDINARY = tuple(
    pattern
    for part in ('downsample', 'shortcut', 'fc', 'head', 'classifier')
    for pattern in (part, f'{part}.*', f'*.{part}', f'*.{part}.*')
)


def decouple(
    model: nn.Module,
    include: Sequence[str] = ('*',),
    exclude: Sequence[str] = ORDINARY,
    **operator,
) -> List[str]:
    """Replace each `nn.Conv2d` in a network, in place, keeping its weights.

    Weight and bias stay the same parameters, so that optimizers that hold them stay
    valid. Subclasses of `nn.Conv2d`, such as timm's StdConv2d and Conv2dSame, and
    convolutions under `weight_norm` or `spectral_norm` compute something that a
    decoupled layer would silently drop: they are left unchanged, and a warning names
    them. Hooks of the replaced modules are lost. A module that has several names is
    replaced under all of them, unless one of them is excluded. How many are replaced,
    and which are not, is logged.

    Args:
        model: any network.
        include: shell patterns of the names of modules to replace.
        exclude: shell patterns of the names of modules to leave unchanged, by default
            those with a part between dots that is 'downsample', 'shortcut', 'fc',
            'head' or 'classifier', as hosts name shortcuts and classifiers. timm's
            ConvNeXt names its main path so, too; give exclude=() for it.
        operator: arguments of `DecoupledConv2d` from `magnitude` on.

    Returns:
        Names of the replaced modules.

    Raises:
        ValueError: no module matches, the model is a convolution itself, or the
            operator does not exist.
        TypeError: `include` or `exclude` is a string, or `DecoupledConv2d` does not
            have such an argument.
    """
    _check_patterns(include=include, exclude=exclude)
    found = find(model, nn.Conv2d)
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
    replace(
        model, names, lambda conv: convolution_like(conv, DecoupledConv2d, **operator)
    )
    others = [name for name in found if name not in names]
    print_log(
        f'decouple: {len(names)} of {len(found)} convolutions of '
        f'{type(model).__name__} are replaced by DecoupledConv2d; not replaced: '
        f'{first_names(others)}.',
        'current',
    )
    return names


def recouple(model: nn.Module) -> List[str]:
    """Replace each `DecoupledConv2d` by an `nn.Conv2d` with its weights, in place.

    Returns:
        Names of the replaced modules.

    Raises:
        ValueError: a layer is folded, so that its kernels are normalised.
    """
    layers = find(model, DecoupledConv2d)
    names, operators = list(layers), {n: m.operator for n, m in layers.items()}
    folded = [n for n, o in operators.items() if o.kernel_norms is not None]
    if folded:
        raise ValueError(
            f'recouple: {first_names(folded)} are folded, so that their weights are '
            'normalised kernels; call recouple before fold.'
        )
    replace(model, names, lambda layer: convolution_like(layer, nn.Conv2d))
    return names


def _check_patterns(**patterns: Sequence[str]) -> None:
    for name, value in patterns.items():
        if isinstance(value, str):
            raise TypeError(
                f'decouple: {name}={value!r} must be a list of patterns, not a string.'
            )


def _is_plain(conv: nn.Conv2d) -> bool:
    """Return whether a convolution computes with its parameter `weight` alone."""
    return type(conv) is nn.Conv2d and has_own_weight(conv)


def _left_alone(chosen: Dict[str, nn.Module]) -> str:
    """Describe the convolutions that cannot be replaced; '' if there are none."""
    left = {
        name: type(conv).__name__
        for name, conv in chosen.items()
        if not _is_plain(conv) and type(conv) is not DecoupledConv2d
    }
    if not left:
        return ''
    kinds, first = sorted(set(left.values())), next(iter(left))
    return (
        f': {len(left)} modules are left unchanged because they are subclasses of '
        f'nn.Conv2d or reparametrised ({", ".join(kinds)}; the first is {first})'
    )


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
