import math

import numpy as np
import pytest

from mmadf.experiments.studies.statistics import (
    dunnett_intervals,
    mean_and_deviation,
    paired_difference,
)

VALUES = {0: 81.0, 1: 83.5, 2: 80.2, 5: 84.1}
CONTROL = {0: 80.0, 1: 81.0, 2: 80.5, 5: 82.0}


def test_mean_and_deviation_are_those_of_numpy():
    values = list(VALUES.values())
    expected = np.mean(values), np.std(values, ddof=1)
    assert mean_and_deviation(values) == pytest.approx(expected, rel=1e-12)


def test_one_value_has_no_deviation_and_none_has_no_mean():
    mean, deviation = mean_and_deviation([3.0])
    assert mean == 3.0
    assert math.isnan(deviation)
    assert all(math.isnan(value) for value in mean_and_deviation([]))


@pytest.mark.parametrize('confidence', [0.95, 0.5])
def test_paired_difference_is_that_of_scipy(confidence):
    stats = pytest.importorskip('scipy.stats')
    test = stats.ttest_rel(list(VALUES.values()), list(CONTROL.values()))
    ends = test.confidence_interval(confidence)
    found = paired_difference(VALUES, CONTROL, confidence)
    mean = np.mean([VALUES[s] - CONTROL[s] for s in VALUES])
    assert found == pytest.approx((mean, ends.low, ends.high), rel=1e-9)


def test_only_seeds_of_both_count_in_whatever_order():
    pytest.importorskip('scipy')
    shuffled = {2: 80.5, 9: 0.0, 5: 82.0, 1: 81.0}
    common = {seed: VALUES[seed] for seed in (1, 2, 5)}
    assert paired_difference(VALUES, shuffled) == paired_difference(common, CONTROL)


def test_one_pair_has_a_difference_without_interval():
    mean, low, high = paired_difference({3: 5.0}, {3: 4.0, 4: 9.0})
    assert mean == 1.0
    assert math.isnan(low)
    assert math.isnan(high)


@pytest.mark.parametrize('confidence', [0, 1, 95])
def test_confidence_outside_its_range_is_refused(confidence):
    with pytest.raises(ValueError, match=f'confidence={confidence} must be in'):
        paired_difference(VALUES, CONTROL, confidence)


THREE = dict(a=[82.0, 83.0, 84.5], b=[79.0, 82.0, 80.0], c=[81.0, 85.0, 82.0])


def test_dunnett_intervals_use_the_published_quantile():
    """Dunnett's table: 3 treatments, 8 degrees of freedom, two-sided 5%: 2.88."""
    pytest.importorskip('scipy')
    control = [80.0, 81.0, 82.5]
    found = dunnett_intervals(THREE, control)
    groups = [*THREE.values(), control]
    variance = np.mean([np.var(group, ddof=1) for group in groups])
    half = 2.88 * np.sqrt(variance * 2 / 3)
    for name, values in THREE.items():
        mean = np.mean(values) - np.mean(control)
        assert found[name].mean == pytest.approx(mean)
        assert found[name].high - mean == pytest.approx(half, rel=3e-3)
        assert mean - found[name].low == pytest.approx(half, rel=3e-3)


def test_dunnett_intervals_repeat_exactly():
    pytest.importorskip('scipy')
    control = [80.0, 81.0, 82.5]
    assert dunnett_intervals(THREE, control) == dunnett_intervals(THREE, control)


@pytest.mark.parametrize(
    ('values', 'control'),
    [
        (dict(a=[81.0]), [80.0, 82.0]),
        (dict(a=[81.0, 82.0]), [80.0]),
        (dict(a=[81.0, 81.0]), [80.0, 80.0]),
    ],
)
def test_dunnett_leaves_open_what_it_cannot_tell(values, control):
    (interval,) = dunnett_intervals(values, control).values()
    assert interval.mean == pytest.approx(np.mean(values['a']) - np.mean(control))
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)


def test_single_seed_takes_no_part_in_dunnetts_test():
    pytest.importorskip('scipy')
    control = [80.0, 81.0, 82.5]
    found = dunnett_intervals({**THREE, 'd': [99.0]}, control)
    assert math.isnan(found.pop('d').low)
    assert found == dunnett_intervals(THREE, control)
