import pytest
import torch
from mmpretrain.models.utils import ShiftWindowMSA
from torch.testing import assert_close

from mmadf.deployment.tracing import DYNAMIC_BATCH, dynamic_windows, window_reverse


def test_windows_are_merged_as_by_mmpretrain():
    windows = torch.randn(2 * 3 * 4, 7, 7, 5)
    expected = ShiftWindowMSA.window_reverse(windows, 21, 28, 7)
    assert_close(window_reverse(windows, 21, 28, 7), expected, rtol=0, atol=0)


def test_the_function_of_mmpretrain_comes_back_after_an_error():
    original = ShiftWindowMSA.window_reverse
    with pytest.raises(KeyError), dynamic_windows():
        assert ShiftWindowMSA.window_reverse is window_reverse
        raise KeyError
    assert ShiftWindowMSA.window_reverse is original


def test_traced_windows_run_for_another_batch_size():
    class Partition(torch.nn.Module):
        def forward(self, x):
            windows = ShiftWindowMSA.window_partition(x, 2)
            return ShiftWindowMSA.window_reverse(windows.relu(), 4, 6, 2)

    with dynamic_windows():
        program = torch.export.export(
            Partition(), (torch.randn(2, 4, 6, 3),), dynamic_shapes=DYNAMIC_BATCH
        )
    x = torch.randn(5, 4, 6, 3)
    assert_close(program.module()(x), x.relu(), rtol=0, atol=0)
