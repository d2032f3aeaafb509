"""The deployed form of an ADF classifier: how it is cut, and what it refuses."""

from typing import Iterable, Set, Tuple

import torch
from torch import Tensor, nn

from mmadf.models.surgery import fold, trim

OF_ADF = ('mappers.', 'appearance_')


@torch.no_grad()
def cut_appearance(classifier: nn.Module, folding: bool) -> None:
    """Keep only what the semantic prediction of a classifier needs, in place.

    Args:
        classifier: an `ADFClassifier`.
        folding: see `ADFClassifier.switch_to_deploy`.

    Raises:
        ValueError: the readout needs the appearance head, or the network cannot be
            folded; it is left unchanged.
    """
    if classifier.readout != 'semantic':
        raise ValueError(
            f'ADFClassifier: readout={classifier.readout!r} needs the appearance head, '
            "which a deployed network does not have; set readout='semantic'."
        )
    classifier.eval()
    if folding:  # first, because it may refuse the network
        fold(classifier, _fused_outputs)
    classifier.deployed = True
    classifier.appearance_neck = classifier.appearance_head = None
    if kept := classifier.appearance.stages.used(classifier.mappers.last_source):
        trim(classifier.appearance_backbone, kept)
    else:
        classifier.appearance_backbone = None


def _fused_outputs(classifier: nn.Module, image: Tensor) -> Tuple[Tensor, ...]:
    """Run without the head, which may be built for another image size."""
    return classifier.extract_feat(image, stage='backbone')


def require_both_heads(classifier: nn.Module) -> None:
    """Refuse what needs both heads in a network that has one.

    Raises:
        ValueError: a deployed classifier.
    """
    if classifier.deployed:
        raise ValueError(
            'ADFClassifier: the network is deployed, so its appearance head and deep '
            'appearance stages are gone: it can neither be trained nor predict with '
            'them; use the checkpoint from before switch_to_deploy.'
        )


def check_weights(
    classifier: nn.Module, weights: dict, prefix: str, *_: object
) -> None:
    """Refuse weights of a whole network in a deployed one, and the reverse.

    A hook for `register_load_state_dict_pre_hook`: MMEngine's Runner loads with
    strict=False, so that the network would silently predict by chance. Any other
    difference, such as in a checkpoint of a single backbone, is left to the caller.

    Args:
        classifier: an `ADFClassifier`.
        weights: state dict that is about to be loaded.
        prefix: prefix of the classifier's names in it.

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
            'from the training config.'
        )


def _only_whole(classifier: nn.Module, names: Set[str]) -> str:
    """Return a name that this network, deployed, could not have; '' for none."""
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
    """Describe why weights are of a deployed network; '' if they are not."""
    biases = (
        f'{n}.bias'
        for n, module in classifier.named_modules()
        if isinstance(module, nn.Conv2d) and module.bias is None
    )
    statistics = {n for n, _ in classifier.named_buffers() if n.endswith('_mean')}
    if (more := names.intersection(biases)) and (less := statistics - names):
        return f'have {min(more)} and no {min(less)}, as after folding'
    for slot in ('neck', 'head') if _any_starts(names, *OF_ADF) else ():
        own = (n for n, _ in classifier.named_parameters())
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
