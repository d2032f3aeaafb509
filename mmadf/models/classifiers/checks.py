"""Arguments of the ADF classifier that no network could be built from."""

from inspect import signature
from typing import Dict, Optional

from mmpretrain.models import ClsHead
from torch import nn

from mmadf.models.utils import stage_shapes, stages_of

READOUTS = ('semantic', 'appearance', 'sum')
REDUCTIONS = ('sum', 'mean')


def check_slots(semantic: dict, appearance: dict) -> None:
    """Refuse slots that do not exist, and built modules in them.

    Args:
        semantic: backbone, neck and head of the semantic branch.
        appearance: those that differ in the appearance branch.

    Raises:
        ValueError: an unknown slot.
        TypeError: a slot that is no config; only a neck may be None.
    """
    if unknown := sorted(set(appearance) - set(semantic)):
        raise ValueError(
            f'ADFClassifier: appearance has {unknown}, its slots are backbone, neck '
            'and head.'
        )
    for slot, cfg in [*semantic.items(), *appearance.items()]:
        if not isinstance(cfg, dict) and not (slot == 'neck' and cfg is None):
            raise TypeError(
                f'ADFClassifier: {slot} is a {type(cfg).__name__}; give its config, a '
                'dict, from which each branch builds its own.'
            )


def check_choices(
    readout: str, loss_reduction: str, temperature: float, weights: Dict[str, float]
) -> None:
    """Refuse unknown names, negative weights and temperatures.

    Args:
        readout: one of `READOUTS`.
        loss_reduction: one of `REDUCTIONS`.
        temperature: of mutual learning, > 0.
        weights: weights of losses by argument, >= 0.

    Raises:
        ValueError: anything else, or a mean over weights that are all 0.
    """
    if readout not in READOUTS:
        raise ValueError(f'ADFClassifier: readout={readout!r} is none of {READOUTS}.')
    if loss_reduction not in REDUCTIONS:
        raise ValueError(
            f'ADFClassifier: loss_reduction={loss_reduction!r} is none of {REDUCTIONS}.'
        )
    for name, weight in weights.items():
        if weight < 0:
            raise ValueError(f'ADFClassifier: {name}={weight} must be >= 0.')
    if temperature <= 0:
        raise ValueError(
            f'ADFClassifier: mutual_temperature={temperature} must be > 0.'
        )
    if loss_reduction == 'mean' and weights['semantic_weight'] <= 0:
        raise ValueError(
            "ADFClassifier: loss_reduction='mean' divides by the sum of the weights; "
            'set semantic_weight > 0.'
        )


def check_classifier(
    backbone: nn.Module, neck: Optional[nn.Module], head: nn.Module
) -> None:
    """Refuse a branch that only a classifier inside its backbone could classify.

    Raises:
        ValueError: the backbone has one, which ADF leaves out, and neither neck nor
            head has parameters in its place.
    """
    stages = stages_of(backbone)
    learns = neck is not None and any(True for _ in neck.parameters())
    if not stages.classifier or learns or type(head).forward is not ClsHead.forward:
        return
    host, channels = type(backbone).__name__, stage_shapes(backbone, stages)[-1][1]
    neck = 'None' if neck is None else type(neck).__name__
    raise ValueError(
        f'ADFClassifier: with neck={neck} and head={type(head).__name__} nothing '
        f'classifies the map of {host}: its {stages.classifier} is left out here. Set '
        "neck=dict(type='GlobalAveragePooling') and head=dict(type='LinearClsHead', "
        f'in_channels={channels}, num_classes=...); over a base with neck=None give '
        'the neck _delete_=True, as configs/adf/adf_inceptionv3_imagenet.py does.'
    )


def check_takes_channels(head: nn.Module) -> None:
    """Refuse to build a head for another backbone if it is not told the channels.

    Raises:
        ValueError: a head without the argument `in_channels`.
    """
    if 'in_channels' not in signature(type(head).__init__).parameters:
        raise ValueError(
            'ADFClassifier: appearance has a backbone and no head, and the semantic '
            f'head, {type(head).__name__}, takes no in_channels; give appearance a '
            'head that fits its backbone and neck, as '
            "head=dict(type='LinearClsHead', in_channels=..., num_classes=...)."
        )


def check_mutual(*heads: nn.Module) -> None:
    """Refuse heads that cannot learn from each other.

    Raises:
        ValueError: a head whose loss is not made from logits (N, num_classes).
    """
    for head in heads:
        if not isinstance(head, ClsHead) or type(head).loss is not ClsHead.loss:
            raise ValueError(
                'ADFClassifier: mutual_weight needs heads with the loss of ClsHead, '
                f'got {type(head).__name__}; set mutual_weight=0 or take another head.'
            )


def check_whole(classifier: nn.Module) -> None:
    """Refuse what needs both heads in a network that has one.

    Raises:
        ValueError: a deployed classifier.
    """
    if classifier.deployed:
        raise ValueError(
            'ADFClassifier: deployed, so its appearance head and deep appearance '
            'stages are gone: it can neither be trained nor read out by them; use the '
            'checkpoint from before switch_to_deploy.'
        )
