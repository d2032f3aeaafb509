import pytest
import torch
from mmpretrain.models import ClsDataPreprocessor
from mmpretrain.models.utils import ShiftWindowMSA
from torch.testing import assert_close

from mmadf.deployment.images import ImageView, normalisation, view_through
from mmadf.deployment.rewrites import dynamic_batch, window_reverse
from mmadf.deployment.verify import relative_difference, spread

LOAD, PACK = dict(type='LoadImageFromFile'), dict(type='PackInputs')
CROP = dict(type='CenterCrop', crop_size=(30, 24))
TO_PIL = dict(type='NumpyToPIL', to_rgb=True)
TV_CROP = dict(type='torchvision/CenterCrop', size=(24, 30))
FROM_PIL = dict(type='PILToNumpy', to_bgr=False)
NORMALISE = dict(type='Normalize', mean=[0] * 3, std=[2] * 3)


@pytest.mark.parametrize(
    ('pipeline', 'size', 'order', 'channels', 'remark'),
    [
        ([LOAD, dict(type='Resize', scale=(40, 32)), PACK], (32, 40), 'BGR', 3, ''),
        ([LOAD, CROP, PACK], (24, 30), 'BGR', 3, ''),
        (
            [LOAD, dict(type='NumpyToPIL', to_rgb=True), PACK],
            None,
            'RGB',
            3,
            'no fixed',
        ),
        ([LOAD, PACK], None, 'BGR', 3, 'no fixed size'),
        ([{**LOAD, 'color_type': 'grayscale'}, CROP, PACK], (24, 30), None, 1, 'grey'),
        ([LOAD, CROP, NORMALISE, PACK], (24, 30), None, 3, 'changes pixel values'),
        ([LOAD, dict(type='CenterCrop'), PACK], None, None, 3, 'fails on a picture'),
        ([LOAD, CROP], None, None, 3, 'fails on a picture'),
        ([], None, 'BGR', 3, 'has no test pipeline'),
    ],
)
def test_a_pipeline_tells_what_it_does(pipeline, size, order, channels, remark):
    view = view_through(pipeline)
    assert (view.size, view.order, view.channels) == (size, order, channels)
    assert remark in view.remark and bool(view.remark) == bool(remark)


@pytest.mark.parametrize(
    ('given', 'to_rgb', 'order'),
    [
        ('BGR', True, 'RGB'),
        ('BGR', False, 'BGR'),
        ('RGB', False, 'RGB'),
        ('RGB', True, 'BGR'),
    ],
)
def test_mean_and_std_come_in_the_order_of_the_network(given, to_rgb, order):
    preprocessor = ClsDataPreprocessor(mean=[1, 2, 3], std=[4, 5, 6], to_rgb=to_rgb)
    found = normalisation(preprocessor, ImageView(order=given))
    assert found == (order, [1, 2, 3], [4, 5, 6])


def test_without_normalisation_mean_is_0_and_std_1():
    found = normalisation(ClsDataPreprocessor(), ImageView(order='BGR'))
    assert found == ('BGR', [0, 0, 0], [1, 1, 1])
    assert normalisation(ClsDataPreprocessor(), ImageView()) is None
    assert normalisation(torch.nn.Identity(), ImageView(order='BGR')) is None


INF, NAN = float('inf'), float('nan')


@pytest.mark.parametrize(
    ('expected', 'found', 'difference'),
    [
        ([[4.0, -8.0]], [[4.0, -8.0]], 0),
        ([[4.0, -8.0]], [[4.0, -7.0]], 1 / 8),
        ([[4.0, -8.0]], [[2.0, -7.0]], 2 / 8),
        ([[0.0, 0.0]], [[0.0, 0.0]], 0),
        ([[0.0, 0.0]], [[0.0, 1.0]], INF),
        ([[4.0, -8.0]], [[4.0, NAN]], INF),
        ([[NAN, -8.0]], [[NAN, -8.0]], INF),
        ([[INF, -8.0]], [[INF, -8.0]], INF),
        ([[4.0, -8.0]], [[4.0], [-8.0]], INF),
    ],
)
def test_differences_are_parts_of_the_largest_score(expected, found, difference):
    pair = torch.tensor(expected), torch.tensor(found)
    assert relative_difference(*pair) == pytest.approx(difference)


def test_spread_is_how_far_scores_differ_between_images():
    images = torch.tensor([[1.0, 10.0], [3.0, 10.0]])
    assert spread(torch.nn.Identity(), images) == pytest.approx(0.1)


def test_windows_are_put_back_as_mmpretrain_does_it():
    windows = torch.randn(2 * 3 * 4, 7, 7, 5)
    expected = ShiftWindowMSA.window_reverse(windows, 21, 28, 7)
    assert_close(window_reverse(windows, 21, 28, 7), expected, rtol=0, atol=0)
    original = ShiftWindowMSA.window_reverse
    with pytest.raises(KeyError), dynamic_batch():
        assert ShiftWindowMSA.window_reverse is window_reverse
        raise KeyError
    assert ShiftWindowMSA.window_reverse is original


def test_windows_leave_the_batch_open():
    class Partition(torch.nn.Module):
        def forward(self, x):
            windows = ShiftWindowMSA.window_partition(x, 2)
            return ShiftWindowMSA.window_reverse(windows.relu(), 4, 6, 2)

    shapes = ({0: torch.export.Dim('batch', min=1)},)
    with dynamic_batch():
        program = torch.export.export(
            Partition(), (torch.randn(2, 4, 6, 3),), dynamic_shapes=shapes
        )
    x = torch.randn(5, 4, 6, 3)
    assert_close(program.module()(x), x.relu(), rtol=0, atol=0)
