"""Means over seeds and differences between networks, as pure functions."""

import math
from statistics import fmean, stdev
from typing import Dict, NamedTuple, Sequence, Tuple

import numpy as np


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


def dunnett_intervals(
    values: Dict[str, Sequence[float]],
    control: Sequence[float],
    confidence: float = 0.95,
) -> Dict[str, Interval]:
    """Return mean differences to one control with simultaneous intervals, by name.

    Dunnett's test (1955), by SciPy: all intervals hold together with the given
    confidence, however many variants there are. It takes the values as independent,
    unpaired, and of one common variance, estimated from all of them. SciPy finds the
    ends numerically, to about 1% of the interval's width.

    Args:
        values: by name; those with fewer than 2 take no part.
        control: of the control.
        confidence: probability in (0, 1) that every interval covers its difference.

    Returns:
        By name; NaN as ends where a name takes no part, or nothing varies.

    Raises:
        ImportError: SciPy is missing.
    """
    mean = mean_and_deviation(control)[0]
    intervals = {
        name: Interval(mean_and_deviation(found)[0] - mean, math.nan, math.nan)
        for name, found in values.items()
    }
    names = [name for name, found in values.items() if len(found) > 1]
    samples = [list(values[name]) for name in names]
    if len(control) < 2 or not any(len(set(s)) > 1 for s in [*samples, control]):
        return intervals
    if names:
        result = _dunnett(samples, list(control)).confidence_interval(confidence)
        for name, low, high in zip(names, result.low, result.high, strict=True):
            intervals[name] = intervals[name]._replace(low=float(low), high=float(high))
    return intervals


def _student_quantile(probability: float, freedom: int) -> float:
    return float(_import_stats().t.ppf(probability, freedom))


def _dunnett(samples: Sequence[Sequence[float]], control: Sequence[float]) -> object:
    # SciPy integrates by chance; a seed gives the same digits each time.
    return _import_stats().dunnett(
        *samples, control=control, rng=np.random.default_rng(0)
    )


def _import_stats() -> object:
    try:
        from scipy import stats
    except ImportError as error:
        raise ImportError(
            "confidence intervals are computed by SciPy: pip install 'scipy>=1.15'"
        ) from error
    return stats
