"""Statistics against NumPy, Student's formula and published quantiles."""

import math

import numpy as np
import pytest

from mmadf.experiments.studies.statistics import (
    crossed_interval,
    first_step_at,
    late_change,
    mean_and_deviation,
    mean_curve,
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


def test_paired_interval_is_students_formula():
    pytest.importorskip('scipy')
    differences = [VALUES[seed] - CONTROL[seed] for seed in VALUES]
    mean = np.mean(differences)
    half = 3.182446 * np.std(differences, ddof=1) / 2  # t at 3 degrees of freedom
    found = paired_difference(VALUES, CONTROL)
    assert found == pytest.approx((mean, mean - half, mean + half), rel=1e-6)


def test_only_common_seeds_count_in_any_order():
    pytest.importorskip('scipy')
    shuffled = {2: 80.5, 9: 0.0, 5: 82.0, 1: 81.0}
    common = {seed: VALUES[seed] for seed in (1, 2, 5)}
    assert paired_difference(VALUES, shuffled) == paired_difference(common, CONTROL)


def test_one_pair_has_a_difference_without_interval_and_none_has_nothing():
    mean, low, high = paired_difference({3: 5.0}, {3: 4.0, 4: 9.0})
    assert mean == 1.0
    assert math.isnan(low) and math.isnan(high)
    assert all(math.isnan(value) for value in paired_difference({3: 5.0}, {4: 4.0}))


def test_mean_curve_is_mean_and_deviation_at_common_steps():
    curves = [((1, 2, 3), (10.0, 20.0, 30.0)), ((2, 3), (26.0, 30.0))]
    steps, mean, deviation = mean_curve(curves)
    assert steps == [2, 3]
    np.testing.assert_allclose(mean, [23, 30])
    np.testing.assert_allclose(deviation, [np.std([20, 26], ddof=1), 0])
    np.testing.assert_array_equal(mean_curve(curves[:1])[2], [0, 0, 0])


def test_first_step_is_where_the_mean_reaches_the_level():
    curves = [((5, 10, 15), (30.0, 10.0, 50.0)), ((5, 10, 15), (20.0, 50.0, 10.0))]
    steps, mean, _ = mean_curve(curves)
    levels = (20, 25, 25.1, 30)
    assert [first_step_at(steps, mean, level) for level in levels] == [5, 5, 10, 10]
    assert math.isnan(first_step_at(steps, mean, 30.1))


def test_crossed_interval_is_that_of_sums_of_squares():
    """With loops, and Student's quantile for 3 degrees of freedom from a table."""
    pytest.importorskip('scipy')
    random = np.random.default_rng(7)
    values = random.normal(0, 1, (4, 30)) + random.normal(0, 2, (4, 1))
    values += random.normal(5, 1, 30)
    total = values.mean()
    seeds = sum(30 * (row.mean() - total) ** 2 for row in values) / 3
    images = sum(4 * (column.mean() - total) ** 2 for column in values.T) / 29
    both = sum(
        (values[s, i] - values[s].mean() - values[:, i].mean() + total) ** 2
        for s in range(4)
        for i in range(30)
    ) / (3 * 29)
    half = 3.182446 * math.sqrt((seeds + images - both) / 120)
    expected = total - half, total + half
    assert crossed_interval(values) == pytest.approx(expected, rel=1e-6)


def test_crossed_interval_without_effect_of_images_is_that_over_seeds():
    pytest.importorskip('scipy')
    differences = np.subtract(list(VALUES.values()), list(CONTROL.values()))
    by_image = np.random.default_rng(7).normal(size=(4, 50))
    by_image -= by_image.mean(1, keepdims=True)
    by_image -= by_image.mean(0)  # the mean of each image, and so its effect, is equal
    _, *expected = paired_difference(VALUES, CONTROL)
    found = crossed_interval(differences[:, None] + by_image)
    assert found == pytest.approx(expected, rel=1e-9)


def test_crossed_interval_is_undefined_for_one_seed_or_one_image():
    values = np.random.default_rng(7).normal(size=(3, 20))
    for undefined in ([], values[:1], values[:, :1]):
        assert all(math.isnan(bound) for bound in crossed_interval(undefined))


@pytest.mark.slow
@pytest.mark.parametrize('deviation', [0.0, 0.5, 2.0])
def test_crossed_interval_covers_the_mean_where_most_of_the_variance_is_interaction(
    deviation,
):
    """Six seeds and 400 images, of which few change with the network."""
    pytest.importorskip('scipy')
    random, held = np.random.default_rng(7), 0
    for _ in range(400):
        interaction = 35 * random.normal(size=(6, 400))
        of_seeds = deviation * random.normal(size=(6, 1))
        of_images = 8 * random.normal(size=400)
        low, high = crossed_interval(3 + of_seeds + of_images + interaction)
        held += low <= 3 <= high
    assert 0.93 <= held / 400 <= 0.99


def test_late_change_is_that_of_the_last_fifth():
    assert late_change([16, 20], [70.0, 71.5]) == 1.5
    assert late_change([1, 2, 3, 4, 5], [10, 20, 30, 50, 45]) == -5
    # The last fifth of 6 steps begins at 4.8, between 40 and 50.
    assert late_change([2, 4, 5, 6], [0, 40, 50, 51]) == pytest.approx(51 - 48)
    assert math.isnan(late_change([9, 10], [70, 71]))
