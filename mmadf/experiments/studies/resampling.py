"""Statistics by resampling: the max-t test by flips of the signs of seeds."""

import math
from typing import Dict, NamedTuple, Sequence

import numpy as np

from mmadf.utils.optional import import_optional

from .statistics import CONFIDENCE

RESAMPLES = 4999
TOLERANCE = 1e-9  # of rounding
MIN_SEEDS = 5  # of simultaneous intervals


class Simultaneous(NamedTuple):
    """Interval and p-value of one of several comparisons, adjusted for all of them."""

    low: float = math.nan
    high: float = math.nan
    p_value: float = math.nan


def max_t(differences: Dict[str, Sequence[float]]) -> Dict[str, Simultaneous]:
    """Compare several groups with a common control by the largest paired t-statistic.

    The p-values are those of the sign-flip test: if a group equals the control, its
    difference has either sign with equal probability for each seed. The signs of a
    seed are flipped in all groups at once, which keeps their correlation. With n seeds,
    no p-value is below 2 / 2^n. The intervals are the means plus or minus the 95 %
    quantile of the largest t-statistic of the centred differences with flipped signs,
    in standard errors. They hold together with about 95 % confidence for 5 seeds and
    more; for fewer seeds they do not, and are NaN.

    Paper: Resampling-Based Multiple Testing, Westfall and Young, 1993 (max-t).
    Code: `scipy.stats.permutation_test`.

    Args:
        differences: paired differences by group, one for each seed, at least 2 and
            equally many in all groups.

    Raises:
        ImportError: SciPy is not installed.
    """
    if not differences:
        return {}
    values = np.array(list(differences.values()), dtype=float)  # (groups, seeds)
    seeds, means = values.shape[1], values.mean(1)
    null = _largest_t(values)
    sampled = len(null) < 2**seeds  # then, the observed signs count as one sample more
    statistics = _t_statistics(values)[:, None]
    extreme = (null >= statistics * (1 - TOLERANCE)).sum(1)
    p_values = (extreme + sampled) / (len(null) + sampled)
    half = np.full(len(values), math.nan)
    if seeds >= MIN_SEEDS:
        centred = _largest_t(values - means[:, None])
        errors = values.std(1, ddof=1) / math.sqrt(seeds)
        half = errors * np.quantile(centred, CONFIDENCE, method='higher')
    columns = (means - half, means + half, p_values)
    rows = np.transpose(columns).tolist()
    return {
        name: Simultaneous(*row) for name, row in zip(differences, rows, strict=True)
    }


def _largest_t(values: np.ndarray) -> np.ndarray:
    """Return the largest absolute t-statistic of the groups, for all flips of signs.

    Args:
        values: differences, (groups, seeds).

    Returns:
        (flips,); random flips if there are too many.
    """

    def _statistic(flipped: np.ndarray, axis: int) -> np.ndarray:
        largest = _t_statistics(flipped).max(-1, keepdims=True)
        return np.broadcast_to(largest, flipped.shape[:-1])

    test = import_optional('scipy.stats').permutation_test(
        [values],
        _statistic,
        permutation_type='samples',
        vectorized=True,
        n_resamples=2 * RESAMPLES,
        axis=-1,
        rng=np.random.default_rng(0),
    )
    return test.null_distribution[:, 0]


def _t_statistics(values: np.ndarray) -> np.ndarray:
    """Return absolute t-statistics, (..., seeds) -> (...); 0 or huge if constant."""
    means, deviations = np.abs(values.mean(-1)), values.std(-1, ddof=1)
    scale = np.abs(values).max(-1)
    varies, is_zero = deviations > TOLERANCE * scale, means <= TOLERANCE * scale
    constant = np.where(is_zero, 0.0, 1 / TOLERANCE)
    errors = np.where(varies, deviations, 1.0) / math.sqrt(values.shape[-1])
    return np.where(varies, means / errors, constant)
