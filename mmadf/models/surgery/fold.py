"""Fold a network for inference."""

from copy import deepcopy
from typing import Dict, List, Optional, Union

import torch
from torch import nn
from torch.utils._pytree import tree_leaves

from mmadf.models.layers import DECOUPLED_LAYERS, DecoupledConv2d, DecoupledLinear
from mmadf.models.layers.decoupled.formula import unit_kernels
from mmadf.models.stages.shapes import random_image, run_without_data

from .norms import Forward, fold_norms
from .replace import convolution_like, find, has_own_weight, replace

TOLERANCE = 1e-3  # of the largest value of an output, in float32


@torch.no_grad()
def fold(
    network: nn.Module, function: Optional[Forward] = None, image_size: int = 224
) -> List[str]:
    """Fold a network for inference, in place; its output changes by rounding only.

    Decoupled layers with magnitude 'linear' and angle 'cosine' become ordinary ones of
    the same output; the others normalise their kernels once instead of in each forward
    pass; layers whose weight is computed from others, as by `weight_norm`, are left
    unchanged. Modules inside the network that have a `switch_to_deploy`, such as
    RepVGG's blocks, call it, unless they still contain decoupled layers, whose kernels
    cannot be merged. If `function` is given, batch norms are folded into convolutions.

    Args:
        network: changed in place, with new parameters for the folded modules; in
            evaluation mode afterwards if `function` is given.
        function: runs the network on an image, (N, C, H, W), and returns all tensors
            that are used outside, in any nesting.
        image_size: height and width of the images that `function` gets, in pixels.

    Returns:
        Names of the folded modules.

    Raises:
        ValueError: `function` is given and the `switch_to_deploy` of some module
            changes the output; the network is left unchanged, as it is after any error
            of `function`.
    """
    if function is None:
        return _fold_modules(network)
    run_without_data(network, function, image_size)
    _check_switching(network, function, image_size)
    return _fold_modules(network) + fold_norms(network, function, image_size)


def _fold_modules(network: nn.Module) -> List[str]:
    """Fold decoupled layers, and what has a `switch_to_deploy`; return the names."""
    names = _fold_decoupled_layers(network)
    switched = [
        name
        for name, module in _switchable(network).items()
        if not find(module, DECOUPLED_LAYERS)
    ]
    for name in switched:
        network.get_submodule(name).switch_to_deploy()
    return switched + names


def _switchable(network: nn.Module) -> Dict[str, nn.Module]:
    """Return the modules inside a network that have a `switch_to_deploy`."""
    modules = network.named_modules()
    return {n: m for n, m in modules if n and hasattr(m, 'switch_to_deploy')}


def _check_switching(network: nn.Module, function: Forward, image_size: int) -> None:
    """Compare the output before and after `switch_to_deploy` on a copy of a network.

    Raises:
        ValueError: the difference is more than rounding.
    """
    switchable = _switchable(network)
    if not switchable or any(p.is_meta for p in network.parameters()):
        return
    trial = deepcopy(network).eval().float()
    image = random_image(trial, image_size)
    before = tree_leaves(function(trial, image))
    _fold_modules(trial)
    after = tree_leaves(function(trial, image))
    for x, y in zip(before, after, strict=True):
        difference, largest = (y - x).abs().max(), x.abs().max()
        if largest.isfinite() and not difference <= TOLERANCE * largest:
            kinds = sorted({type(module).__name__ for module in switchable.values()})
            raise ValueError(
                f'fold: switch_to_deploy of {", ".join(kinds)} changes the output by '
                f'{difference / largest:.1e} of its largest value, tolerance '
                f'{TOLERANCE:.0e}; '
                'the network is left unchanged. Deploy without folding (fold=False).'
            )


def _fold_decoupled_layers(network: nn.Module) -> List[str]:
    layers = find(network, DECOUPLED_LAYERS)
    layers = {name: layer for name, layer in layers.items() if has_own_weight(layer)}
    operators = {name: layer.operator for name, layer in layers.items()}
    ordinary = [
        name
        for name, operator in operators.items()
        if (operator.magnitude, operator.angle) == ('linear', 'cosine')
    ]
    builders = [
        module
        for module in network.modules()
        if hasattr(module, 'conv_cfg') and find(module, DECOUPLED_LAYERS)
    ]
    replace(network, ordinary, _ordinary_layer)
    for module in builders:
        # By `conv_cfg`, blocks build the convolution that replaces merged ones.
        if not find(module, DECOUPLED_LAYERS):
            module.conv_cfg = None
    for name in set(layers) - set(ordinary):
        _normalise_once(layers[name])
    return list(layers)


def _normalise_once(layer: Union[DecoupledConv2d, DecoupledLinear]) -> None:
    """Store normalised kernels, and their former norms in the state of the layer.

    Layers that are not folded refuse this state, because they normalise again.
    """
    operator = layer.operator
    kernels, operator.kernel_norms = unit_kernels(layer.weight, operator.kernel_norms)
    del layer.weight  # the layer refuses scaled kernels in place of others
    layer.weight = nn.Parameter(kernels, requires_grad=False)


def _ordinary_layer(layer: Union[DecoupledConv2d, DecoupledLinear]) -> nn.Module:
    """Return the ordinary layer that a linear-cosine layer equals."""
    if isinstance(layer, nn.Linear):
        sizes = layer.in_features, layer.out_features, layer.bias is not None
        ordinary = nn.Linear(*sizes).to(layer.weight).train(layer.training)
        ordinary.bias = layer.bias
    else:
        ordinary = convolution_like(layer, nn.Conv2d)
    kernels, _ = unit_kernels(layer.weight, layer.operator.kernel_norms)
    weight = layer.operator.alpha * kernels
    ordinary.weight = nn.Parameter(weight, requires_grad=False)
    return ordinary
