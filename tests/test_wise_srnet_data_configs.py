"""The published experiments of Wise-SrNet: networks, data, recipe."""

from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.fileio import load
from mmengine.registry import OPTIMIZERS, PARAM_SCHEDULERS, DefaultScope
from torch.testing import assert_close
from torchvision.transforms import functional as F

from mmadf.data_prep import INTEL, MIT67, SUBIMAGENET70
from mmadf.engine.launch import build_runner
from mmadf.models import WiseSrNetHead
from mmadf.models.stages import map_shapes
from mmadf.registry import MODELS
from tests.conftest import ROOT, write_images
from tests.helpers import offline, without_memory

FOLDER = ROOT / 'configs' / 'wise_srnet'
# Data -> layout, epochs at 224 and at 512 pixels.
DATA = dict(
    intel=(INTEL, 220, None),
    mit67=(MIT67, 200, 130),
    subimagenet70=(SUBIMAGENET70, 148, None),
)
NAMES = sorted(
    path.stem for path in FOLDER.glob('*.py') if path.stem.split('_')[2] in DATA
)
# Network and data -> parameters of GAP, DW and Avg+DW, paper's table (Keras).
TABLE = {
    'resnet50_subimagenet70': (23_731_142, 23_833_542, 23_751_622),
    'xception_subimagenet70': (21_004_910, 21_107_310, 21_025_390),
    'densenet121_subimagenet70': (7_109_254, 7_160_454, 7_119_494),
    'densenet169_intel': (12_652_870, 12_736_070, 12_669_510),
    'resnet50v2_mit67_512': (23_702_083, None, 23_755_331),
    'densenet201_mit67_512': (18_450_691, None, 18_500_611),
}
HOST = DefaultScope.overwrite_default_scope


@cache
def build(name):
    cfg = offline(Config.fromfile(FOLDER / f'{name}.py'))
    if cfg.model.backbone.type == 'TIMMBackbone':
        pytest.importorskip('timm')
    with HOST('mmpretrain'), without_memory():
        return cfg, MODELS.build(cfg.model)


def parameters(name):
    return sum(p.numel() for p in build(name)[1].parameters())


@pytest.mark.parametrize('row', TABLE)
def test_heads_differ_by_what_the_paper_counts(row):
    gap, whole, pooled = TABLE[row]
    assert parameters(f'wisesrnet_{row}') - parameters(f'gap_{row}') == pooled - gap
    if whole:
        assert parameters(f'dwc_{row}') - parameters(f'gap_{row}') == whole - gap


def test_densenet_has_the_published_size_with_its_statistics():
    # Keras counts two statistics for each channel of a batch norm.
    _, model = build('gap_densenet121_subimagenet70')
    norms = [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    total = parameters('gap_densenet121_subimagenet70')
    assert total + sum(2 * m.num_features for m in norms) == 7_109_254


def test_the_index_tells_the_number_of_parameters():
    index = load(FOLDER / 'metafile.yml')['Models']
    listed = {Path(m['Config']).stem: m['Metadata']['Parameters'] for m in index}
    listed = {name: count for name, count in listed.items() if name in NAMES}
    assert len(listed) == 10
    assert listed == {name: parameters(name) for name in listed}


MAPS = {}


@pytest.mark.parametrize('name', NAMES)
def test_heads_fit_the_maps_of_their_backbones(name):
    cfg, model = build(name)
    assert isinstance(model.head, WiseSrNetHead)
    key = (repr(cfg.model.backbone), cfg.test_pipeline[1].scale)
    if key not in MAPS:
        MAPS[key] = map_shapes(model.backbone, key[1][0])
    assert MAPS[key] == [(1, model.head.in_channels, *model.head.pooling.map_size)]


@pytest.mark.parametrize('name', NAMES)
def test_recipe_is_the_published_one(name):
    cfg, model = build(name)
    layout, epochs, epochs_512 = DATA[name.split('_')[2]]
    big = '_512' in name
    side, batch = (512, 15) if big else (224, 70)
    for pipeline in (cfg.train_pipeline, cfg.test_pipeline):
        assert pipeline[1].scale == (side, side)
    for split in ('train', 'val', 'test'):
        loader = cfg[f'{split}_dataloader']
        assert loader.batch_size == batch
        assert loader.dataset.data_root == f'data/{name.split("_")[2]}/{split}'
        train = split == 'train'
        pipeline = cfg.train_pipeline if train else cfg.test_pipeline
        assert loader.dataset.pipeline == pipeline
        assert loader.sampler.shuffle == train
    assert cfg.train_cfg.max_epochs == (epochs_512 if big else epochs)
    assert cfg.auto_scale_lr.base_batch_size == batch
    assert model.head.num_classes == layout.num_classes
    assert model.head.dropout.p == (0.5 if 'dropout' in name else 0)
    assert cfg.data_preprocessor.num_classes == layout.num_classes


# Method -> pooling, pre-average or not, constraint.
METHODS = dict(
    gap=('mean', False, False),
    dw=('depthwise', False, False),
    dwc=('depthwise', False, True),
    wisesrnet=('depthwise', True, True),
    gwap=('shared', False, True),
    flatten=('flatten', True, False),
)


@pytest.mark.parametrize('name', NAMES)
def test_heads_are_those_in_the_name(name):
    head = build(name)[1].head.pooling
    pooling, pre_average, constraint = METHODS[name.split('_')[0]]
    assert head.pooling == pooling
    pool = (3 if '_512' in name else 2) if pre_average else None
    assert head.pool_size == pool
    assert ('NonNegative' in type(head.spatial).__name__) == constraint


def test_the_rate_falls_in_steps_of_two_epochs():
    cfg, _ = build('wisesrnet_densenet169_intel')
    weight = torch.nn.Parameter(torch.ones(1))
    optimizer = OPTIMIZERS.build({**cfg.optim_wrapper.optimizer, 'params': [weight]})
    group = optimizer.param_groups[0]
    assert (group['momentum'], group['nesterov'], group['weight_decay']) == (0.9, 0, 0)
    scheduler = PARAM_SCHEDULERS.build({**cfg.param_scheduler, 'optimizer': optimizer})
    for epoch in range(9):
        assert group['lr'] == pytest.approx(0.045 * 0.94 ** (epoch // 2))
        weight.grad = torch.zeros(1)
        optimizer.step()
        scheduler.step()


# Weights


def test_weights_of_timm_are_asked_for_and_exist():
    timm = pytest.importorskip('timm')
    for name in ('wisesrnet_xception_mit67_512', 'gap_resnet50v2_mit67_512'):
        backbone = Config.fromfile(FOLDER / f'{name}.py').model.backbone
        assert backbone.pretrained is True
        assert timm.list_pretrained(backbone.model_name) == [backbone.model_name]


def test_weights_of_mmpretrain_are_loaded_by_init_weights(tmp_path):
    cfg = Config.fromfile(FOLDER / 'wisesrnet_densenet201_mit67_512.py')
    assert 'densenet201_4xb256_in1k' in cfg.model.backbone.init_cfg.checkpoint
    with HOST('mmpretrain'):
        published = MODELS.build(dict(type='DenseNet', arch='201'))
        state = {f'backbone.{k}': v for k, v in published.state_dict().items()}
        torch.save(dict(state_dict=state), tmp_path / 'weights.pth')
        cfg.model.backbone.init_cfg.checkpoint = str(tmp_path / 'weights.pth')
        model = MODELS.build(cfg.model)
        model.init_weights()
    found = model.backbone.state_dict()
    for name, value in published.state_dict().items():
        assert torch.equal(found[name], value), name


# Augmentation


def pipeline(name, start, stop=None):
    with HOST('mmpretrain'):
        return Compose(build(name)[0].train_pipeline[start:stop])


BOTH = pytest.mark.parametrize(
    ('name', 'side'),
    [('wisesrnet_densenet169_intel', 224), ('wisesrnet_densenet201_mit67_512', 512)],
)


def sources(name, side, draws):
    """Return for each draw the affine map from output to source positions.

    The image holds its own positions, so that the augmented one says where each
    pixel comes from; the map, (3, 2), is fitted to the pixels from the inside.
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
    _, pad, affine, crop = build(name)[0].train_pipeline[2:6]
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
    cfg, _ = build('wisesrnet_densenet169_intel')
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
@pytest.mark.parametrize('name', ['wisesrnet_densenet169_intel'])
def test_a_config_trains_on_prepared_data(tmp_path, name):
    cfg, _ = build(name)
    cfg = cfg.copy()
    for split, count in dict(train=2, val=1).items():
        write_images(tmp_path / 'data' / split, count, classes='abcdef', size=20)
        cfg[f'{split}_dataloader'].update(batch_size=3, num_workers=0)
        cfg[f'{split}_dataloader'].dataset.data_root = str(tmp_path / 'data' / split)
    cfg.test_dataloader = cfg.test_cfg = cfg.test_evaluator = None
    cfg.train_cfg.max_epochs = 1
    cfg.work_dir, cfg.launcher = str(tmp_path / 'work'), 'none'
    runner = build_runner(cfg, splits=('train', 'val'))
    before = runner.model.head.fc.weight.clone()
    runner.train()
    assert runner.iter == 4
    assert (runner.model.head.pooling.spatial.weight >= 0).all()
    assert not torch.equal(before, runner.model.head.fc.weight)
    assert list((tmp_path / 'work').glob('best_accuracy_top1_epoch_1.pth'))
