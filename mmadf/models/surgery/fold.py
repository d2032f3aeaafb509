"""Batch norms and decoupled layers folded, for inference."""

from collections import Counter
from typing import Any, Callable, List, Tuple

import torch
from mmengine.utils.dl_utils.parrots_wrapper import SyncBatchNorm
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_weights
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from mmadf.models.layers.decoupled import DecoupledOperator
from mmadf.models.stages.shapes import run_without_data

from .decouple import _like, _named, _replace

NORMS = (nn.BatchNorm2d, nn.SyncBatchNorm, SyncBatchNorm)


@torch.no_grad()
def fold_norms(
    network: nn.Module, function: Callable[[nn.Module, Tensor], Any]
) -> List[str]:
    """Fold each batch norm into the convolution whose output only it reads.

    What reads what is seen in one pass that computes nothing, so that neither the
    order of modules nor their names are relied upon; a map that the pass returns is
    read once more, by the caller. Folded norms become
    `nn.Identity`; weights are folded in float64. Subclasses of the norms, as timm's
    with an activation inside, are left alone, but for MMCV's 'SyncBN'.

    Args:
        network: changed in place; in evaluation mode afterwards.
        function: runs the network on an image, (N, C, H, W), and returns every map
            that is used outside of the pass, in any nesting.

    Returns:
        Names of the folded norms.
    """
    network.eval()
    pairs = run_without_data(network, lambda net, x: _find_pairs(net, x, function))
    for conv_name, norm_name in pairs:
        conv, norm = network.get_submodule(conv_name), network.get_submodule(norm_name)
        conv.weight, conv.bias = _folded_norm(conv, norm)
        parent, _, child = norm_name.rpartition('.')
        setattr(network.get_submodule(parent), child, nn.Identity())
    return [norm_name for _, norm_name in pairs]


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
    layers = _named(model, DecoupledOperator)
    plain = [name for name in layers if layers[name].names == ('linear', 'cosine')]
    _replace(model, plain, _folded_layer)
    for name in set(layers) - set(plain):
        layers[name].fix_kernels()
    return list(layers)


class _Watch(TorchFunctionMode):
    """Notes what convolutions give, what batch norms take, and how often a map is read.

    Maps are kept alive, so that their ids stay theirs.
    """

    def __init__(self) -> None:
        super().__init__()
        self.convolved, self.normed, self.reads = [], [], Counter()
        self.alive = []

    def __torch_function__(
        self, function: Callable, types: Any, args: tuple = (), kwargs: Any = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        if any(isinstance(leaf, Tensor) for leaf in tree_leaves(result)):
            inputs = [x for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)]
            self.reads.update({id(x) for x in inputs})
            self.alive += [*inputs, result]
        if function in (F.conv2d, torch.conv2d):
            self.convolved.append((id(args[1]), id(result)))
        if function is F.batch_norm and args[1] is not None:
            self.normed.append((id(args[0]), id(args[1])))
        return result


def _find_pairs(
    network: nn.Module, image: Tensor, function: Callable[[nn.Module, Tensor], Any]
) -> List[Tuple[str, str]]:
    """Return names of convolution and norm for each pair that can be folded."""
    with _Watch() as watch:
        returned = function(network, image)
    watch.reads.update({id(x) for x in tree_leaves(returned)})
    convs, norms = {}, {}
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d):
            convs[id(module.weight)] = name
        if type(module) in NORMS:
            norms[id(module.running_mean)] = name
    uses = Counter(key for key, _ in watch.convolved)
    uses.update(key for _, key in watch.normed)
    producers = {result: weight for weight, result in watch.convolved}
    return [
        (convs[producers[x]], norms[mean])
        for x, mean in watch.normed
        if producers.get(x) in convs
        and mean in norms
        and watch.reads[x] == uses[producers[x]] == uses[mean] == 1
    ]


def _folded_norm(conv: nn.Conv2d, norm: nn.Module) -> Tuple[nn.Parameter, nn.Parameter]:
    """Return weight and bias of a convolution that norms as well."""
    state = [conv.weight, conv.bias, norm.running_mean, norm.running_var]
    affine = [norm.weight, norm.bias]
    double = [None if x is None else x.double() for x in (*state, *affine)]
    weight, bias = fuse_conv_bn_weights(*double[:4], norm.eps, *double[4:])
    return (
        nn.Parameter(weight.to(conv.weight), requires_grad=False),
        nn.Parameter(bias.to(conv.weight), requires_grad=False),
    )


def _folded_layer(layer: DecoupledOperator) -> nn.Module:
    if isinstance(layer, nn.Linear):
        sizes = layer.in_features, layer.out_features, layer.bias is not None
        plain = nn.Linear(*sizes).to(layer.weight).train(layer.training)
        plain.bias = layer.bias
    else:
        plain = _like(layer, nn.Conv2d)
    kernels, _ = layer.unit_kernels(layer.weight)
    plain.weight = nn.Parameter(layer.alpha * kernels, requires_grad=False)
    return plain
