"""Weights that an ADF classifier must not take, since it would predict by chance."""

from typing import Iterable, Set

from torch import nn

OF_ADF = ('mappers.', 'appearance_')


def check_weights(
    classifier: nn.Module, weights: dict, prefix: str, *_: object
) -> None:
    """Refuse weights of a whole network in a deployed one, and the reverse.

    A hook for `register_load_state_dict_pre_hook`: MMEngine's runner loads without
    asking for every name. Any other difference, such as in a checkpoint of a single
    backbone, is left to the caller.

    Args:
        classifier: an `ADFClassifier`.
        weights: state dict that is about to be loaded.
        prefix: of the classifier's names in it.

    Raises:
        ValueError: one of the two is deployed, or folded, and the other is not.
    """
    names = {n.removeprefix(prefix) for n in weights if n.startswith(prefix)}
    if less := _only_deployed(classifier, names):
        here = 'is deployed without folding' if classifier.deployed else 'is whole'
        raise ValueError(
            f'ADFClassifier: the weights are of a deployed network and this one '
            f'{here}: they {less}; build from the config that '
            'tools/model_converters/deploy.py wrote beside them (it can predict, '
            'not train), or load the checkpoint from before.'
        )
    if classifier.deployed and (more := _only_whole(classifier, names)):
        raise ValueError(
            f'ADFClassifier: this network is deployed and the weights are from before: '
            f'they have {more}, which was cut off or folded here; load the checkpoint '
            'that tools/model_converters/deploy.py wrote beside this config, or build '
            'from the config of the training.'
        )


def _only_whole(classifier: nn.Module, names: Set[str]) -> str:
    """Return a name that no network as this one, deployed, could have."""
    own = {n for n, _ in classifier.named_parameters()}
    own |= {n for n, _ in classifier.named_buffers()}
    deeper = (n for n in names - own if n.startswith('appearance_'))
    folded = (
        f'{n}.running_mean'
        for n, module in classifier.named_modules()
        if isinstance(module, nn.Identity)
    )
    return min([*deeper, *names.intersection(folded)], default='')


def _only_deployed(classifier: nn.Module, names: Set[str]) -> str:
    """Say how weights show that they are of a deployed network, '' for not at all."""
    biases = (
        f'{n}.bias'
        for n, module in classifier.named_modules()
        if isinstance(module, nn.Conv2d) and module.bias is None
    )
    statistics = {n for n, _ in classifier.named_buffers() if n.endswith('_mean')}
    if (more := names.intersection(biases)) and (less := statistics - names):
        return f'have {min(more)} and no {min(less)}, as after folding'
    for slot in ('neck', 'head') if _has(names, *OF_ADF) else ():
        mine = (n for n, _ in classifier.named_parameters())
        other = f'appearance_{slot}.'
        if _has(mine, other) and _has(names, f'{slot}.') and not _has(names, other):
            return f'have a {slot} and no appearance_{slot}'
    return ''


def _has(names: Iterable[str], *starts: str) -> bool:
    """Return whether one of the names starts with one of `starts`."""
    return any(name.startswith(starts) for name in names)
