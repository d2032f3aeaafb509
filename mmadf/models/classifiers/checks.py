"""Arguments of the ADF classifier that no network could be built from."""

from typing import Dict

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
