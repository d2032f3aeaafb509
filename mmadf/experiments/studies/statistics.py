"""Statistics over seeds, as pure functions: means, curves, confidence intervals."""

import math
from statistics import fmean, stdev
from typing import Dict, List, Sequence, Tuple

import numpy as np

from mmadf.utils.optional import import_optional

CONFIDENCE = 0.95


def mean_and_deviation(values: Sequence[float]) -> Tuple[float, float]:
    """Return mean and sample standard deviation (n - 1); NaN where undefined.

    Args:
        values: one value per seed.
    """
    mean = fmean(values) if values else math.nan
    return mean, stdev(values) if len(values) > 1 else math.nan


def mean_curve(
    curves: Sequence[Tuple[Sequence[int], Sequence[float]]],
) -> Tuple[List[int], np.ndarray, np.ndarray]:
    """Return the mean of several curves.

    Args:
        curves: steps and values of each.

    Returns:
        The common steps of all curves, and there the mean and the sample standard
        deviation, which is 0 for a single curve.
    """
    values_at = [dict(zip(*curve, strict=True)) for curve in curves]
    steps = sorted(set.intersection(*map(set, values_at)))
    values = np.array([[values[step] for step in steps] for values in values_at])
    deviation = values.std(0, ddof=1) if len(curves) > 1 else np.zeros(len(steps))
    return steps, values.mean(0), deviation


def first_step_at(steps: Sequence[int], values: Sequence[float], level: float) -> float:
    """Return the first step at which a curve reaches a level, or NaN.

    Args:
        steps: steps of the curve.
        values: values of the curve; higher is better.
        level: value to reach.
    """
    reached = (s for s, value in zip(steps, values, strict=True) if value >= level)
    return next(reached, math.nan)


def late_change(steps: Sequence[int], values: Sequence[float]) -> float:
    """Return how much a curve changes over the last fifth of its steps.

    Args:
        steps: ascending, of which the last one is the end of the training.
        values: values of the curve, interpolated where the last fifth begins.

    Returns:
        NaN for a curve that begins later than that.
    """
    start = 0.8 * steps[-1]
    if steps[0] > start:
        return math.nan
    return float(values[-1] - np.interp(start, steps, values))


def paired_difference(
    values: Dict[int, float], control: Dict[int, float]
) -> Tuple[float, float, float]:
    """Return the mean difference to a control over common seeds, and its interval.

    Args:
        values: one value per seed.
        control: one value per seed.

    Returns:
        The difference, and the bounds of the 95 % confidence interval of Student's
        paired t-test; NaN where undefined.

    Raises:
        ImportError: SciPy is not installed.
    """
    seeds = [seed for seed in values if seed in control]
    pairs = [[group[seed] for seed in seeds] for group in (values, control)]
    mean, _ = mean_and_deviation(np.subtract(*pairs).tolist())
    if len(seeds) < 2:
        return mean, math.nan, math.nan
    test = import_optional('scipy.stats').ttest_rel(*pairs)
    return mean, *map(float, test.confidence_interval(CONFIDENCE))


def crossed_interval(differences: Sequence[Sequence[float]]) -> Tuple[float, float]:
    """Return the interval of a mean over seeds and images, both of which are samples.

    The variance of the mean is estimated by a two-way analysis of variance with crossed
    random effects: seeds, images, and their interaction. The quantile is Student's for
    the number of seeds, so that the interval is never narrower than the one over seeds
    alone, see `paired_difference`.

    Ours: the pigeonhole bootstrap, arXiv 0712.1111, counts the interaction three times.
    Most of the variance of right-or-wrong predictions is interaction, so that its
    intervals are too wide here.

    Args:
        differences: paired differences, (seeds, images).

    Returns:
        The bounds of the 95 % confidence interval; NaN for fewer than 2 seeds or
        images.

    Raises:
        ImportError: SciPy is not installed.
    """
    values = np.asarray(differences, dtype=float)
    if values.ndim < 2 or min(values.shape) < 2:
        return math.nan, math.nan
    mean = values.mean()
    by_seed, by_image = values.mean(1, keepdims=True), values.mean(0, keepdims=True)
    seeds, images = values.shape
    # Mean squares; without effects, all have the variance of a single difference.
    of_seeds = images * by_seed.var(ddof=1)
    of_images = seeds * by_image.var(ddof=1)
    residuals = values - by_seed - by_image + mean
    of_both = (residuals**2).sum() / ((seeds - 1) * (images - 1))
    variance = (of_seeds + max(of_images - of_both, 0)) / values.size
    student = import_optional('scipy.stats').t(seeds - 1)
    half = student.ppf((1 + CONFIDENCE) / 2) * math.sqrt(variance)
    return float(mean - half), float(mean + half)
