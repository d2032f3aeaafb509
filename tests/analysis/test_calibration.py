import sys

import pytest
import torch

from mmadf.analysis.calibration import calibration_error, reliability


def test_calibration_error_equals_a_loop_over_bins():
    pytest.importorskip('torchmetrics')
    confidence = torch.rand(200, dtype=torch.float64)
    correct = (torch.rand(200) < confidence).int()
    expected = 0
    for k in range(15):
        inside = (confidence >= k / 15) & (confidence < (k + 1) / 15)
        if inside.any():
            gap = correct[inside].double().mean() - confidence[inside].mean()
            expected += inside.double().mean() * gap.abs()
    found = calibration_error(confidence.tolist(), correct.tolist())
    assert found == pytest.approx(float(expected), abs=1e-9)


def test_calibration_error_of_certain_predictions_is_their_error_rate():
    pytest.importorskip('torchmetrics')
    assert calibration_error([1.0] * 4, [1, 1, 1, 0]) == pytest.approx(0.25)
    assert calibration_error([1.0 + 1e-7, 1.0], [1, 1]) == pytest.approx(0)


def test_certain_predictions_share_the_last_bin_with_almost_certain_ones():
    pytest.importorskip('torchmetrics')
    confidence = [0.95] * 50 + [1.0] * 50
    correct = [1] * 50 + [1] * 40 + [0] * 10
    # One bin: mean confidence 0.975, accuracy 0.9.
    assert calibration_error(confidence, correct) == pytest.approx(0.075, abs=1e-9)


def test_missing_torchmetrics_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, 'torchmetrics.functional.classification', None)
    with pytest.raises(ImportError, match='pip install torchmetrics'):
        calibration_error([0.5], [1])


def test_reliability_equals_a_loop_over_bins():
    confidence = torch.rand(200, dtype=torch.float64)
    correct = (torch.rand(200) < confidence).int()
    found = reliability(confidence, correct)
    assert sum(row.images for row in found) == 200
    for k, row in enumerate(found):
        inside = (confidence >= k / 15) & (confidence < (k + 1) / 15)
        assert row.images == inside.sum()
        assert row[:2] == pytest.approx((k / 15, (k + 1) / 15))
        means = confidence[inside].mean(), correct[inside].double().mean()
        assert row[3:] == pytest.approx([x.item() for x in means], nan_ok=True)


def test_certain_predictions_are_in_the_last_bin():
    *empty, last = reliability([1.0, 1.0 + 1e-7], [1, 0])
    assert {row.images for row in empty} == {0}
    assert last[2:] == (2, 1.0, 0.5)
