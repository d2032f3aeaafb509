"""Every refusal of an ADF config: argument, value, what is allowed, what to do."""

from inspect import signature
from typing import Any, Optional

from mmpretrain.models import ClsHead
from torch import nn

from mmadf.models.stages import Stages, stage_shapes
from mmadf.registry import MODELS
from mmadf.utils.arguments import check_numbers

from .objective import TEACHERS

READOUTS = ('semantic', 'appearance', 'sum')
REDUCTIONS = ('sum', 'mean')
OPTIONS = dict(
    appearance='a dict with any of backbone, neck and head',
    deploy='a dict of arguments of switch_to_deploy, e.g. dict() or dict(fold=False)',
    pretrained_branches="a dict of arguments, e.g. dict(checkpoint='resnet50.pth')",
)


# Before anything is built


def check_config(
    slots: dict,
    appearance: Optional[dict],
    mapper: Any,
    readout: str,
    objective: dict,
    options: dict,
) -> None:
    """Check the arguments of an `ADFClassifier` before anything is built from them.

    Args:
        slots: backbone, neck and head of the semantic branch.
        appearance: those that differ in the appearance branch, or None.
        mapper: a config, a list of configs, or None.
        readout: one of `READOUTS`.
        objective: arguments of `Objective`.
        options: by argument name, a dict or None.

    Raises:
        TypeError: an argument that is not a config.
        ValueError: an unknown slot or name, or a number outside its range.
    """
    check_options('ADFClassifier', mapper, appearance=appearance, **options)
    _check_slots(slots, appearance or {})
    _check_choices(readout, **objective)
    if slots['head'] is None and readout != 'semantic':
        raise ValueError(
            f'ADFClassifier: readout={readout!r} needs heads, and head=None builds a '
            "feature extractor; set readout='semantic', or give a head."
        )


def check_options(network: str, mapper: Any, **options: Any) -> None:
    """Require configs where configs are taken.

    Args:
        network: type of the network, for the message.
        mapper: a config, a list of configs, or None.
        options: by argument name, a dict or None.

    Raises:
        TypeError: an argument that is not a config.
    """
    cfgs = mapper if isinstance(mapper, (list, tuple)) else [mapper or {}]
    if not all(isinstance(cfg, dict) for cfg in cfgs):
        raise TypeError(
            f'{network}: mapper={mapper!r} must be a config, a list of configs, or '
            "None for no fusion, e.g. mapper=dict(type='Mapper', sources=(0, 1))."
        )
    for name, option in options.items():
        if option is not None and not isinstance(option, dict):
            raise TypeError(
                f'{network}: {name}={option!r} must be {OPTIONS[name]}, or None.'
            )


def _check_slots(semantic: dict, appearance: dict) -> None:
    """Require a config in each slot; a neck may be a list, and neck and head None."""
    if unknown := sorted(set(appearance) - set(semantic)):
        raise ValueError(
            f'ADFClassifier: appearance has {unknown}; its slots are backbone, neck '
            'and head.'
        )
    optional = ('neck',) if semantic['head'] else ('neck', 'head')
    different = {f'appearance.{slot}': cfg for slot, cfg in appearance.items()}
    for name, cfg in {**semantic, **different}.items():
        slot = name.removeprefix('appearance.')
        if cfg is None and slot in optional:
            continue
        parts = cfg if isinstance(cfg, list) and slot == 'neck' else [cfg]
        if not all(isinstance(part, dict) for part in parts):
            raise TypeError(
                f'ADFClassifier: {name} is a {type(cfg).__name__}; give its config, a '
                'dict, from which each branch builds a module of its own.'
            )
        if not all('type' in part for part in parts):
            raise ValueError(
                f'ADFClassifier: {name}={cfg} has no type; give the whole config.'
            )


def _check_choices(
    readout: str,
    loss_reduction: str,
    teacher: str,
    distill_temperature: float,
    **weights: float,
) -> None:
    """Require known names, weights >= 0 and a temperature > 0."""
    if readout not in READOUTS:
        raise ValueError(f'ADFClassifier: readout={readout!r} is none of {READOUTS}.')
    if loss_reduction not in REDUCTIONS:
        raise ValueError(
            f'ADFClassifier: loss_reduction={loss_reduction!r} is none of {REDUCTIONS}.'
        )
    if teacher not in TEACHERS:
        raise ValueError(
            f'ADFClassifier: teacher={teacher!r} is none of {tuple(TEACHERS)}.'
        )
    owner, temperature = 'ADFClassifier', dict(distill_temperature=distill_temperature)
    check_numbers(owner, ' >= 0', lambda weight: weight >= 0, **weights)
    check_numbers(owner, ' > 0', lambda value: value > 0, **temperature)
    if not weights['semantic_weight'] and not weights['appearance_weight']:
        raise ValueError(
            'ADFClassifier: semantic_weight=0 and appearance_weight=0 leave no loss '
            'that sees a label; set one of them > 0.'
        )
    if loss_reduction == 'mean' and weights['semantic_weight'] <= 0:
        raise ValueError(
            "ADFClassifier: loss_reduction='mean' divides by the sum of the weights; "
            'set semantic_weight > 0.'
        )


def check_stop_gradient(stop_gradient: bool, objective: dict) -> None:
    """Require a loss that trains the appearance branch.

    Args:
        stop_gradient: whether only the losses of the appearance head do.
        objective: arguments of `Objective`.

    Raises:
        ValueError: both losses of the appearance head have the weight 0.
    """
    weights = objective['appearance_weight'], objective['distill_weight']
    if stop_gradient and not any(weights):
        raise ValueError(
            'ADFClassifier: stop_gradient=True with appearance_weight=0 and '
            'distill_weight=0 leaves no loss that trains the appearance branch; set '
            'one of them > 0, also if LossWeightHook changes it, or '
            'stop_gradient=False.'
        )


# While the branches are built


def check_in_channels(head_cfg: dict) -> None:
    """Require that a head for another backbone can be told its number of channels.

    Raises:
        ValueError: the head has no argument `in_channels`.
    """
    kind = head_cfg['type']
    kind = MODELS.get(kind) if isinstance(kind, str) else kind
    if 'in_channels' not in signature(kind.__init__).parameters:
        raise ValueError(
            'ADFClassifier: appearance has a backbone and no head, and the semantic '
            f'head, {kind.__name__}, takes no in_channels; give appearance a head that '
            'fits its backbone and neck, such as '
            "head=dict(type='LinearClsHead', in_channels=..., num_classes=...)."
        )


def check_branch(
    backbone: nn.Module, neck: Optional[nn.Module], head: nn.Module, stages: Stages
) -> None:
    """Require that a branch gives one set of logits by parameters outside its backbone.

    Raises:
        ValueError: a head without the prediction of `ClsHead`, or a backbone with a
            built-in classifier, which ADF leaves out, and neither a neck nor a head
            with parameters in its place.
    """
    if not hasattr(head, '_get_predictions'):
        raise ValueError(
            f'ADFClassifier: {type(head).__name__} does not classify by one set of '
            "logits, which 'predict' and 'sum' need; use a head such as LinearClsHead "
            'or MultiLabelLinearClsHead.'
        )
    if not classifies_inside(neck, head, stages):
        return
    channels = stage_shapes(backbone, stages)[-1][1]
    raise ValueError(
        f'ADFClassifier: with neck={_type_name(neck)} and head={type(head).__name__} '
        f'nothing classifies the feature map of {type(backbone).__name__}, because its '
        f'{stages.classifier} is left out here. Set '
        "neck=dict(type='GlobalAveragePooling') and head=dict(type='LinearClsHead', "
        f'in_channels={channels}, num_classes=...); over a base with neck=None give '
        'the neck _delete_=True, as configs/adf/adf_inceptionv3_imagenet.py does.'
    )


def classifies_inside(
    neck: Optional[nn.Module], head: nn.Module, stages: Stages
) -> bool:
    """Return whether nothing but a classifier built into the backbone classifies.

    Args:
        neck: neck of the network, or None.
        head: head of the network.
        stages: how the backbone is cut into stages.
    """
    trainable = neck is not None and any(True for _ in neck.parameters())
    inside = bool(stages.classifier) and type(head).forward is ClsHead.forward
    return inside and not trainable


def _type_name(module: Any) -> str:
    return 'None' if module is None else type(module).__name__


def check_heads(
    head: Optional[nn.Module],
    appearance_head: Optional[nn.Module],
    readout: str,
    distill_weight: float,
) -> None:
    """Require heads that can do together what is asked of both.

    Args:
        head: the semantic head; None for a feature extractor, which has no heads.
        appearance_head: the appearance head, or None.
        readout: 'sum' needs heads that turn logits into predictions alike.
        distill_weight: other than 0, it needs heads whose loss is computed from logits
            (N, num_classes), as in `ClsHead`.

    Raises:
        ValueError: heads that cannot.
    """
    if head is None:
        return
    heads = head, appearance_head
    counts = [getattr(head, 'num_classes', None) for head in heads]
    if None not in counts and counts[0] != counts[1]:
        raise ValueError(
            f'ADFClassifier: appearance head has num_classes={counts[1]} and head has '
            f'num_classes={counts[0]}; both learn the same labels, so give both the '
            'same number.'
        )
    if readout == 'sum' and not same_predictions(*heads):
        kinds = ' and '.join(type(head).__name__ for head in heads)
        raise ValueError(
            f"ADFClassifier: readout='sum' adds the logits of {kinds}, which turn "
            "logits into predictions in different ways; set readout='semantic' or "
            "'appearance', or give both branches heads of one kind."
        )
    for head in heads if distill_weight else ():
        if not isinstance(head, ClsHead) or type(head).loss is not ClsHead.loss:
            raise ValueError(
                'ADFClassifier: distill_weight needs heads with the loss of ClsHead, '
                f'got {type(head).__name__}; set distill_weight=0 or use another head.'
            )


def same_predictions(*heads: nn.Module) -> bool:
    """Return whether heads turn logits into predictions by the same method."""
    return len({type(head)._get_predictions for head in heads}) == 1
