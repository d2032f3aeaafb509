"""Arguments of the ADF classifier that no network could be built from."""

from inspect import signature
from math import inf
from numbers import Real
from typing import Any, Dict, Optional

from mmpretrain.models import ClsHead
from torch import nn

from mmadf.models.stages import stage_shapes, stages_of

READOUTS = ('semantic', 'appearance', 'sum')
REDUCTIONS = ('sum', 'mean')
OPTIONS = dict(
    appearance='a dict with any of backbone, neck and head',
    deploy='a dict of arguments of switch_to_deploy, e.g. dict() or dict(fold=False)',
    pretrained_branches="a dict of arguments, e.g. dict(checkpoint='resnet50.pth')",
)


def check_options(mapper: Any, **options: Any) -> None:
    """Refuse arguments that are no configs.

    Args:
        mapper: a config, a list of them, or None.
        options: by argument, a dict or None each.

    Raises:
        TypeError: anything else.
    """
    cfgs = mapper if isinstance(mapper, (list, tuple)) else [mapper or {}]
    if not all(isinstance(cfg, dict) for cfg in cfgs):
        raise TypeError(
            f'ADFClassifier: mapper={mapper!r} must be a config, a list of configs, or '
            "None for no fusion, e.g. mapper=dict(type='Mapper', sources=(0, 1))."
        )
    for name, option in options.items():
        if option is not None and not isinstance(option, dict):
            raise TypeError(
                f'ADFClassifier: {name}={option!r} must be {OPTIONS[name]}, or None.'
            )


def check_slots(semantic: dict, appearance: dict) -> None:
    """Refuse slots that do not exist, and built modules in them.

    Args:
        semantic: backbone, neck and head of the semantic branch.
        appearance: those that differ in the appearance branch.

    Raises:
        ValueError: an unknown slot.
        TypeError: a slot that is no config; a neck may be None, or a list of configs.
    """
    if unknown := sorted(set(appearance) - set(semantic)):
        raise ValueError(
            f'ADFClassifier: appearance has {unknown}, its slots are backbone, neck '
            'and head.'
        )
    for slot, cfg in [*semantic.items(), *appearance.items()]:
        row = cfg if isinstance(cfg, list) else [cfg or {}]
        if slot == 'neck' and all(isinstance(part, dict) for part in row):
            continue
        if not isinstance(cfg, dict):
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
        if not isinstance(weight, Real) or not 0 <= weight < inf:
            raise ValueError(
                f'ADFClassifier: {name}={weight!r} must be >= 0, and a finite number.'
            )
    if not isinstance(temperature, Real) or not 0 < temperature < inf:
        raise ValueError(
            f'ADFClassifier: mutual_temperature={temperature!r} must be > 0, and a '
            'finite number.'
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


def check_heads(*heads: nn.Module) -> None:
    """Refuse heads that do not predict from one set of logits.

    Raises:
        ValueError: a head without the prediction of `ClsHead`.
    """
    for head in heads:
        if not hasattr(head, '_get_predictions'):
            raise ValueError(
                f'ADFClassifier: {type(head).__name__} does not classify by one set of '
                "logits, which 'predict' and 'sum' need; take a head such as "
                'LinearClsHead or MultiLabelLinearClsHead.'
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


def require_both_heads(classifier: nn.Module) -> None:
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
