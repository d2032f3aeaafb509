"""The augmentation of Wise-SrNet's configs, and a training with it."""

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import DefaultScope
from torch.testing import assert_close
from torchvision.transforms import functional as F

from mmadf.engine.launch import build_runner
from mmadf.registry import MODELS
from tests.conftest import write_images
from tests.test_configs import config, read

HOST = DefaultScope.overwrite_default_scope


def pipeline(name, start, stop=None):
    with HOST('mmpretrain'):
        return Compose(read(config(name)).train_pipeline[start:stop])


BOTH = pytest.mark.parametrize(
    ('name', 'side'),
    [('wisesrnet_densenet169_intel', 224), ('wisesrnet_densenet201_mit67_512', 512)],
)


def sources(name, side, draws):
    """Yield the affine transforms, (3, 2), from output to source positions.

    Each pixel of the image holds its own position, so that the augmented image tells
    where its pixels come from. The transform is fitted to the pixels of the interior.
    """
    transforms = pipeline(name, 2, 6)
    position = np.arange(side) * (255 / (side - 1))
    x, y = np.meshgrid(position, position)
    image = np.stack([x, y, x], -1).round().astype(np.uint8)
    centred = np.arange(side) - (side - 1) / 2
    columns, rows = np.meshgrid(centred, centred)
    for _ in range(draws):
        out = np.asarray(transforms(dict(img=image))['img']).astype(float)
        inside = ((out > 5) & (out < 250)).all(-1)
        ones = np.ones(inside.sum())
        points = np.stack([columns[inside], rows[inside], ones], -1)
        target = out[inside][:, :2] * ((side - 1) / 255) - (side - 1) / 2
        yield np.linalg.lstsq(points, target, rcond=None)[0]


@pytest.mark.slow
@BOTH
def test_turns_zooms_and_shifts_stay_in_the_published_ranges(name, side):
    angles, zooms, shifts = [], [], []
    for fit in sources(name, side, draws=40):
        matrix = fit[:2]
        zoom = np.sqrt(np.linalg.det(matrix))
        # Position of the middle of the image in the output.
        middle = -fit[2] @ np.linalg.inv(matrix) / side
        angles.append(np.degrees(np.arctan2(matrix[0, 1], matrix[0, 0])))
        zooms.append(zoom)
        shifts.append(middle)
        assert_close(matrix @ matrix.T / zoom**2, np.eye(2), atol=0.02, rtol=0)
    assert 0.79 < min(zooms) < 0.9 < 1.1 < max(zooms) < 1.21
    assert min(angles) < -90 and max(angles) > 90
    assert 0.05 < np.abs(shifts).max() < 0.105


@BOTH
def test_nothing_from_outside_the_image_but_its_border(name, side):
    _, pad, affine, crop = read(config(name)).train_pipeline[2:6]
    image = torch.full((1, 1, side, side), 1.0)
    padded = F.pad(image, [pad.padding] * 4, padding_mode=pad.padding_mode)
    (shift, _), (zoom, _) = affine.translate, affine.scale
    assert shift * padded.shape[-1] == pytest.approx(0.1 * side)
    for sign in (1, -1):  # farthest out: smallest, a corner ahead, shifted to it
        shifts = [sign * 0.1 * side] * 2
        bilinear = F.InterpolationMode.BILINEAR
        out = F.affine(padded, 45, shifts, zoom, [0, 0], bilinear)
        assert F.center_crop(out, crop.size).min() > 0.999
    transforms = pipeline(name, 2, 6)
    grey = np.full((side, side, 3), 77, np.uint8)
    for _ in range(5):
        out = np.asarray(transforms(dict(img=grey))['img'])
        assert out.shape == (side, side, 3)
        assert (out == 77).all()


def test_one_value_is_added_to_all_channels_before_the_brightness():
    transforms = pipeline('wisesrnet_densenet169_intel', 6)
    image = np.full((4, 4, 3), (100, 110, 120), np.uint8)
    factors, added = [], []
    for _ in range(1500):
        out = transforms(dict(img=image))['inputs'].double()
        assert out.shape == (3, 4, 4)
        assert (out == out[:, :1, :1]).all()
        blue, green, red = out[:, 0, 0].tolist()
        assert red - green == pytest.approx(green - blue, abs=1e-3)
        factors.append((red - blue) / 20)
        if factors[-1] > 0.05:
            added.append(blue / factors[-1] - 100)
    assert 0 <= min(factors) < 0.02 and 1.18 < max(factors) < 1.2001
    assert np.mean(factors) == pytest.approx(0.6, abs=0.03)
    assert np.mean(added) == pytest.approx(0, abs=3)
    assert np.std(added) == pytest.approx(50 / 3**0.5, rel=0.06)


def test_flips_go_both_ways():
    transforms = pipeline('wisesrnet_densenet169_intel', 8, 10)
    image = np.arange(4, dtype=np.float32).reshape(2, 2, 1)
    corners = [transforms(dict(img=image))['img'][0, 0, 0] for _ in range(400)]
    counts = [corners.count(value) for value in range(4)]
    assert min(counts) > 60


def test_tests_see_the_squeezed_image_less_its_mean_in_bgr(tmp_path):
    cfg = read(config('wisesrnet_densenet169_intel'))
    image = np.random.randint(0, 255, (112, 448, 3), np.uint8)
    cv2.imwrite(str(tmp_path / 'x.png'), image)
    with HOST('mmpretrain'):
        data = Compose(cfg.test_pipeline)(dict(img_path=str(tmp_path / 'x.png')))
        preprocessor = MODELS.build(
            dict(type='ClsDataPreprocessor', **cfg.data_preprocessor)
        )
    found = preprocessor(dict(inputs=[data['inputs']]))['inputs'][0]
    expected = np.repeat(image[:, ::2], 2, axis=0) - [103.939, 116.779, 123.68]
    assert_close(found, torch.tensor(expected).permute(2, 0, 1).float())


# Training


@pytest.mark.slow
def test_a_config_trains_on_prepared_data(tmp_path):
    cfg = Config.fromfile(config('wisesrnet_densenet169_intel'))
    for split, count in dict(train=1, val=1).items():
        write_images(tmp_path / 'data' / split, count, classes='abcdef', size=20)
        cfg[f'{split}_dataloader'].update(batch_size=3, num_workers=0)
        cfg[f'{split}_dataloader'].dataset.data_root = str(tmp_path / 'data' / split)
    cfg.test_dataloader = cfg.test_cfg = cfg.test_evaluator = None
    cfg.train_cfg.max_epochs = 1
    cfg.work_dir, cfg.launcher = str(tmp_path / 'work'), 'none'
    runner = build_runner(cfg, splits=('train', 'val'))
    before = runner.model.head.fc.weight.clone()
    runner.train()
    assert runner.iter == 2
    head = dict(runner.model.head.named_parameters())
    (kernel,) = [head[name] for name in head if name.endswith('spatial.weight')]
    assert (kernel >= 0).all()
    assert not torch.equal(before, runner.model.head.fc.weight)
    assert list((tmp_path / 'work').glob('best_accuracy_top1_epoch_1.pth'))
