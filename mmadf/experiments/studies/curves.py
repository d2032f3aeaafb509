"""Validation over training, the seeds of a variant as one curve."""

import math
from typing import List, NamedTuple, Sequence

import numpy as np

from .results import Result


class Band(NamedTuple):
    """Mean and standard deviation (n - 1 in it) of curves, at their common steps."""

    steps: List[int]
    mean: np.ndarray
    deviation: np.ndarray


def band(group: Sequence[Result]) -> Band:
    """Return the validation curves of a variant as one; a single one has no width.

    Args:
        group: results of one variant; only steps that all of them have are kept.
    """
    curves = [dict(zip(*result.validation, strict=True)) for result in group]
    steps = sorted(set.intersection(*map(set, curves)))
    values = np.array([[curve[step] for step in steps] for curve in curves])
    width = values.std(0, ddof=1) if len(curves) > 1 else np.zeros(len(steps))
    return Band(steps, values.mean(0), width)


def steps_to_reach(group: Sequence[Result], level: float) -> float:
    """Return the first step at which the mean curve of a variant is at a level.

    Args:
        group: results of one variant.
        level: of the metric; higher is better.

    Returns:
        An epoch or iteration at which was validated, NaN if none is at the level.
    """
    steps, mean, _ = band(group)
    reached = np.flatnonzero(mean >= level)
    return steps[reached[0]] if len(reached) else math.nan
