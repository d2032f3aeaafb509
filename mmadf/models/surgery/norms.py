"""Fold batch norms into convolutions."""

from collections import Counter
from typing import Any, Callable, List, Tuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_weights
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from mmadf.models.stages.shapes import run_without_data

from .replace import has_own_weight, replace

FORWARDS = (nn.BatchNorm2d.forward, nn.SyncBatchNorm.forward)

Forward = Callable[[nn.Module, Tensor], Any]


@torch.no_grad()
def fold_norms(
    network: nn.Module, function: Forward, image_size: int = 224
) -> List[str]:
    """Fold each batch norm into the convolution whose output only the norm reads.

    One forward pass without data shows what reads what, so that neither the order of
    modules nor their names matter. Folded norms become `nn.Identity`; weights are
    computed in float64. Subclasses of the norms with another forward pass, such as
    timm's with an activation inside, are left unchanged, and so are norms after a
    convolution whose weight is computed from others (`weight_norm`, `spectral_norm`).

    Args:
        network: changed in place, in evaluation mode afterwards.
        function: see `fold`.
        image_size: see `fold`.

    Returns:
        Names of the folded norms.
    """
    network.eval()
    pairs = run_without_data(
        network, lambda net, x: _find_pairs(net, x, function), image_size
    )
    for conv_name, norm_name in pairs:
        conv, norm = network.get_submodule(conv_name), network.get_submodule(norm_name)
        conv.weight, conv.bias = _folded_norm(conv, norm)
    replace(network, [name for _, name in pairs], lambda _: nn.Identity())
    return [name for _, name in pairs]


class _Watch(TorchFunctionMode):
    """Records outputs of convolutions, inputs of batch norms, and reads of each tensor.

    Tensors are kept alive, so that their ids stay unique.
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
    network: nn.Module, image: Tensor, function: Forward
) -> List[Tuple[str, str]]:
    """Return the names of each convolution and norm that can be folded together."""
    with _Watch() as watch:
        returned = function(network, image)
    watch.reads.update({id(x) for x in tree_leaves(returned)})
    convs, norms = {}, {}
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d) and has_own_weight(module):
            convs[id(module.weight)] = name
        if type(module).forward in FORWARDS:
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
    """Return weight and bias of the convolution with the norm folded into it."""
    state = [conv.weight, conv.bias, norm.running_mean, norm.running_var]
    affine = [norm.weight, norm.bias]
    double = [None if x is None else x.double() for x in (*state, *affine)]
    weight, bias = fuse_conv_bn_weights(*double[:4], norm.eps, *double[4:])
    return (
        nn.Parameter(weight.to(conv.weight), requires_grad=False),
        nn.Parameter(bias.to(conv.weight), requires_grad=False),
    )
