"""The deployed form of an ADF network: how it is cut, and what it refuses."""

from typing import Callable, Iterable, Set, Tuple

import torch
from torch import Tensor, nn

from mmadf.models.stages.shapes import usable_size
from mmadf.models.surgery import fold

OF_ADF = ('mappers.', 'appearance_')


@torch.no_grad()
def cut_appearance(
    network: nn.Module,
    folding: bool,
    outputs: Callable[[nn.Module, Tensor], Tuple[Tensor, ...]],
) -> None:
    """Keep of the appearance backbone only what mappers read, in place.

    Args:
        network: an `ADFClassifier` or an `ADFBackbone`.
        folding: see `ADFClassifier.switch_to_deploy`.
        outputs: see the `function` of `fold`.

    Raises:
        ValueError: the network cannot be folded; it is left unchanged.
    """
    network.eval()
    if folding:  # first, because it may refuse the network
        fold(network, outputs, usable_size(network, outputs))
    network.deployed, network.folded = True, folding
    if network.mappers:
        appearance = network.appearance._replace(out_stages=())
        appearance.drop_unread(network.mappers.last_source)
    else:
        network.appearance_backbone = None


def check_weights(network: nn.Module, weights: dict, prefix: str, *_: object) -> None:
    """Refuse weights of a whole network in a deployed one, and the reverse.

    A hook for `register_load_state_dict_pre_hook`: MMEngine's Runner loads with
    strict=False, so that the network would silently predict by chance. Any other
    difference, such as in a checkpoint of a single backbone, is left to the caller.

    Args:
        network: an `ADFClassifier` or an `ADFBackbone`.
        weights: state dict that is about to be loaded.
        prefix: prefix of the network's names in it.

    Raises:
        ValueError: one of the two is deployed, or folded, and the other is not.
    """
    names = {n.removeprefix(prefix) for n in weights if n.startswith(prefix)}
    if less := _only_deployed(network, names):
        here = 'is deployed without folding' if network.deployed else 'is whole'
        raise ValueError(
            f'{type(network).__name__}: the weights are of a deployed network and this '
            f'one {here}: they {less}; build it with deploy=dict(...), as in '
            'the config that tools/model_converters/deploy.py writes beside them (it '
            'can predict, not train), or load the checkpoint from before.'
        )
    if network.deployed and (more := _only_whole(network, names)):
        raise ValueError(
            f'{type(network).__name__}: this network is deployed and the weights are '
            f'from before: they have {more}, which was cut off or folded here; load '
            'the checkpoint of the deployed network, which '
            'tools/model_converters/deploy.py writes beside its config, or build '
            'without deploy.'
        )


def _only_whole(network: nn.Module, names: Set[str]) -> str:
    """Return a name that this network, deployed, could not have; '' for none."""
    own = {n for n, _ in network.named_parameters()}
    own |= {n for n, _ in network.named_buffers()}
    deeper = (n for n in names - own if n.startswith('appearance_'))
    folded = (
        f'{n}.running_mean'
        for n, module in network.named_modules()
        if isinstance(module, nn.Identity)
    )
    return min([*deeper, *names.intersection(folded)], default='')


def _only_deployed(network: nn.Module, names: Set[str]) -> str:
    """Describe why weights are of a deployed network; '' if they are not."""
    biases = (
        f'{n}.bias'
        for n, module in network.named_modules()
        if isinstance(module, nn.Conv2d) and module.bias is None
    )
    statistics = {n for n, _ in network.named_buffers() if n.endswith('_mean')}
    if (more := names.intersection(biases)) and (less := statistics - names):
        return f'have {min(more)} and no {min(less)}, as after folding'
    for slot in ('neck', 'head') if _any_starts(names, *OF_ADF) else ():
        own = (n for n, _ in network.named_parameters())
        other = f'appearance_{slot}.'
        if (
            _any_starts(own, other)
            and _any_starts(names, f'{slot}.')
            and not _any_starts(names, other)
        ):
            return f'have a {slot} and no appearance_{slot}'
    return ''


def _any_starts(names: Iterable[str], *prefixes: str) -> bool:
    """Return whether one of the names starts with one of the prefixes."""
    return any(name.startswith(prefixes) for name in names)
