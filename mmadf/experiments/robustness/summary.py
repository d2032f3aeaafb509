"""From outcomes of batches to one row a condition."""

from typing import List, NamedTuple, Sequence

import torch

from .conditions import KINDS, Condition
from .records import Outcome, Records

BINS = 15


class Row(NamedTuple):
    """The outcome of one condition.

    `accuracy` in %, `ece`, the expected calibration error, in [0, 1], and `brier`, the
    mean squared distance of probabilities and truth, in [0, 2], of `images` images,
    tested in `seconds`.
    """

    kind: str
    name: str
    strength: float
    images: int
    accuracy: float
    ece: float
    brier: float
    seconds: float


def summarise(records: Records, images: int) -> List[Row]:
    """Return a row for each condition that was tested to the end.

    Args:
        records: of the test, of whatever was asked for, once or in several goes.
        images: how many were to be tested.

    Returns:
        Rows by kind, by name in the order of testing, and by strength.
    """
    rows = []
    for condition in _in_order(records):
        outcomes = records.of(condition.key)
        if sum(len(outcome.correct) for outcome in outcomes) == images:
            rows.append(_row(condition, outcomes))
    return rows


def calibration_error(confidence: Sequence[float], correct: Sequence[int]) -> float:
    """Return the expected calibration error over 15 bins of equal width.

    Args:
        confidence: probability of the predicted class, by image.
        correct: whether it was right, 0 or 1.

    Raises:
        ImportError: torchmetrics is missing.
    """
    try:
        from torchmetrics.functional.classification import binary_calibration_error
    except ImportError as error:
        raise ImportError(
            'the calibration error is computed by torchmetrics: pip install '
            'torchmetrics'
        ) from error
    # With the confidence as the probability of being right, it is that of all classes.
    return binary_calibration_error(
        torch.tensor(confidence, dtype=torch.float64).clamp(max=1),
        torch.tensor(correct),
        n_bins=BINS,
        norm='l1',
    ).item()


def _in_order(records: Records) -> List[Condition]:
    known = [
        Condition.of_key(key) for key in dict.fromkeys(k for k, _ in records.outcomes)
    ]
    names = list(dict.fromkeys(condition.name for condition in known))
    return sorted(
        known, key=lambda c: (KINDS.index(c.kind), names.index(c.name), c.strength)
    )


def _row(condition: Condition, outcomes: Sequence[Outcome]) -> Row:
    correct = [value for outcome in outcomes for value in outcome.correct]
    confidence = [value for outcome in outcomes for value in outcome.confidence]
    brier = [value for outcome in outcomes for value in outcome.brier]
    return Row(
        *condition,
        images=len(correct),
        accuracy=100 * sum(correct) / len(correct),
        ece=calibration_error(confidence, correct),
        brier=sum(brier) / len(brier),
        seconds=sum(outcome.seconds for outcome in outcomes),
    )
