import pytest
import torch

from mmadf.deployment.checks import relative_difference

INF, NAN = float('inf'), float('nan')


def test_the_difference_is_relative_to_the_largest_expected_score():
    expected = torch.tensor([[4.0, -8.0]])
    for actual, difference in [([4, -8], 0), ([4, -7], 1 / 8), ([2, -7], 2 / 8)]:
        found = relative_difference(torch.tensor([actual]), expected)
        assert found == pytest.approx(difference)


def test_zeros_differ_from_zeros_by_nothing_and_from_others_beyond_measure():
    zeros = torch.zeros(1, 2)
    assert relative_difference(zeros, zeros) == 0
    assert relative_difference(zeros + 1, zeros) > 1e300


def test_scores_that_are_not_finite_or_of_another_shape_never_agree():
    for actual, expected in [
        ([[4.0, NAN]], [[4.0, -8.0]]),
        ([[NAN, -8.0]], [[NAN, -8.0]]),
        ([[INF, -8.0]], [[INF, -8.0]]),
        ([[4.0], [-8.0]], [[4.0, -8.0]]),
    ]:
        pair = torch.tensor(actual), torch.tensor(expected)
        assert relative_difference(*pair) == INF, pair
