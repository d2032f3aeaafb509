"""Resampling against formulas and slow loops."""

import math
from itertools import product

import numpy as np
import pytest

from mmadf.experiments.studies.resampling import max_t

pytest.importorskip('scipy')


def t_statistic(values):
    mean = sum(values) / len(values)
    squares = sum((value - mean) ** 2 for value in values)
    return abs(mean) / math.sqrt(squares / (len(values) - 1) / len(values))


def largest(groups, flips):
    return max(
        t_statistic([sign * value for sign, value in zip(flips, group, strict=True)])
        for group in groups
    )


GROUPS = dict(
    better=[2.0, 1.5, 2.5, 1.0, 2.2, 1.9],
    equal=[0.5, -0.4, 0.3, -0.6, 0.1, 0.2],
    worse=[-1.0, -0.2, -1.4, 0.1, -0.9, -0.7],
)


def test_max_t_is_that_of_a_loop_over_all_signs():
    found = max_t(GROUPS)
    signs = list(product((1, -1), repeat=6))
    null = [largest(GROUPS.values(), flips) for flips in signs]
    centred = [[v - np.mean(group) for v in group] for group in GROUPS.values()]
    quantile = np.quantile([largest(centred, f) for f in signs], 0.95, method='higher')
    for name, group in GROUPS.items():
        observed = t_statistic(group) - 1e-9
        assert found[name].p_value == np.mean([t >= observed for t in null])
        half = quantile * np.std(group, ddof=1) / math.sqrt(6)
        expected = np.mean(group) - half, np.mean(group) + half
        assert (found[name].low, found[name].high) == pytest.approx(expected)
    assert found['better'].p_value == 2 / 2**6
    assert found['better'].low > 0 > found['equal'].low


def test_max_t_of_a_single_group_is_the_sign_flip_test():
    """SciPy's, for one sample."""
    from scipy.stats import permutation_test

    expected = permutation_test(
        [GROUPS['worse']], np.mean, permutation_type='samples', n_resamples=np.inf
    )
    found = max_t(dict(worse=GROUPS['worse']))['worse']
    assert found.p_value == pytest.approx(expected.pvalue)


def test_p_value_grows_with_the_number_of_comparisons():
    noise = np.random.default_rng(7).normal(size=(20, 6))
    many = {**GROUPS, **{str(i): row.tolist() for i, row in enumerate(noise)}}
    assert max_t(many)['worse'].p_value > max_t(GROUPS)['worse'].p_value


def test_few_seeds_have_a_p_value_and_no_simultaneous_interval():
    found = max_t(dict(better=GROUPS['better'][:4]))['better']
    assert found.p_value == 2 / 2**4
    assert math.isnan(found.low) and math.isnan(found.high)


def test_many_seeds_sample_the_signs():
    strong = dict(a=(3 + np.random.default_rng(7).normal(size=20)).tolist())
    assert max_t(strong)['a'].p_value == pytest.approx(1e-4, rel=0.01)


def test_differences_without_variance_are_certain_or_none():
    found = max_t(dict(zero=[0.0] * 6, two=[0.1 + 0.2 - 0.3 + 2] * 6))
    assert found['zero'] == (0, 0, 1)
    assert found['two'] == pytest.approx((2, 2, 2 / 2**6))
    assert max_t({}) == {}


@pytest.mark.slow
def test_simultaneous_intervals_hold_together():
    """All of eight intervals cover their means in 95 % of repetitions."""
    random, names, held = np.random.default_rng(7), 'abcdefgh', 0
    for _ in range(400):
        noise = random.normal(size=(8, 5)) + random.normal(size=5)
        found = max_t(dict(zip(names, noise.tolist(), strict=True)))
        held += all(interval.low <= 0 <= interval.high for interval in found.values())
    assert held / 400 == pytest.approx(0.95, abs=0.04)


def test_repeated_report_has_the_same_intervals_and_p_values():
    pytest.importorskip('scipy')
    many = dict(a=np.random.default_rng(7).normal(0.3, 1, 20).tolist())
    assert max_t(many) == max_t(many)


@pytest.mark.parametrize('tenths', [[1, -8, -4, 0, -1], [9, -3, 6, -6, -3]])
def test_rounding_breaks_no_ties_between_flips(tenths):
    """Sums of whole numbers are exact, and ordered as the t-statistics of a group."""
    pytest.importorskip('scipy')
    flips = np.array(list(product((1, -1), repeat=len(tenths))))
    expected = (abs(flips @ tenths) >= abs(sum(tenths))).mean()
    assert max_t(dict(a=[v / 10 for v in tenths]))['a'].p_value == expected
