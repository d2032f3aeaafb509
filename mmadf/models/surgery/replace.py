"""Find modules of a network and replace them in place."""

from typing import Callable, Dict, Sequence, Tuple, Union

from torch import nn


def find(model: nn.Module, cls: Union[type, Tuple[type, ...]]) -> Dict[str, nn.Module]:
    """Return the modules of a class; a shared module appears under all its names."""
    modules = model.named_modules(remove_duplicate=False)
    return {name: module for name, module in modules if isinstance(module, cls)}


def has_own_weight(module: nn.Module) -> bool:
    """Return whether `weight` is a parameter, not computed as by `weight_norm`."""
    return 'weight' in module._parameters


def replace(
    model: nn.Module,
    names: Sequence[str],
    make: Callable[[nn.Module], nn.Module],
) -> None:
    """Replace each named module by `make(module)`, after all of them are made.

    A module with several names stays one module.

    Raises:
        ValueError: the model itself is to be replaced.
    """
    if '' in names:
        raise ValueError(
            f'model={type(model).__name__} cannot be replaced in place because it is '
            'the network itself; put it into nn.Sequential.'
        )
    old = {name: model.get_submodule(name) for name in names}
    made = {id(module): make(module) for module in old.values()}
    for name, module in old.items():
        parent, _, child = name.rpartition('.')
        setattr(model.get_submodule(parent), child, made[id(module)])


def convolution_like(conv: nn.Conv2d, cls: type, **arguments) -> nn.Conv2d:
    """Return a `cls` with the geometry, mode and parameters of a convolution."""
    layer = cls(
        *(conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride),
        *(conv.padding, conv.dilation, conv.groups, conv.bias is not None),
        conv.padding_mode,
        **arguments,
    ).to(conv.weight)
    layer.weight, layer.bias = conv.weight, conv.bias
    return layer.train(conv.training)
