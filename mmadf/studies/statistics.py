"""Means over seeds and differences between networks, as pure functions."""

import math
from statistics import fmean, stdev
from typing import Dict, NamedTuple, Sequence, Tuple


class Interval(NamedTuple):
    """A mean, with the ends of its confidence interval; NaN where it is unknown."""

    mean: float
    low: float
    high: float


def mean_and_deviation(values: Sequence[float]) -> Tuple[float, float]:
    """Return the mean and the standard deviation of a sample (n - 1 in it).

    Args:
        values: one for each seed; NaN stands for what one value, or none, cannot tell.
    """
    mean = fmean(values) if values else math.nan
    return mean, stdev(values) if len(values) > 1 else math.nan


def paired_difference(
    values: Dict[int, float], control: Dict[int, float], confidence: float = 0.95
) -> Interval:
    """Return the mean of values - control over common seeds, and its interval.

    The interval is Student's, of the paired t-test: mean +- t * s / sqrt(n), with s
    the standard deviation of the n differences and t the quantile at n - 1 degrees of
    freedom.

    Args:
        values: by seed.
        control: by seed.
        confidence: probability in (0, 1) that the interval covers the difference.

    Raises:
        ValueError: `confidence` is outside its range.
        ImportError: SciPy is missing.
    """
    if not 0 < confidence < 1:
        raise ValueError(
            f'paired_difference: confidence={confidence} must be in (0, 1).'
        )
    differences = [values[seed] - control[seed] for seed in values if seed in control]
    mean, deviation = mean_and_deviation(differences)
    if len(differences) < 2:
        return Interval(mean, math.nan, math.nan)
    quantile = _student_quantile((1 + confidence) / 2, len(differences) - 1)
    half = quantile * deviation / math.sqrt(len(differences))
    return Interval(mean, mean - half, mean + half)


def _student_quantile(probability: float, freedom: int) -> float:
    try:
        from scipy.stats import t
    except ImportError as error:
        raise ImportError(
            'confidence intervals are computed by SciPy: pip install scipy'
        ) from error
    return float(t.ppf(probability, freedom))
