"""The configs of Wise-SrNet: published rows, heads, sizes, recipe, weights."""

from inspect import signature
from itertools import product

import mmpretrain
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import OPTIMIZERS, PARAM_SCHEDULERS, DefaultScope

from mmadf.data_prep import INTEL, MIT67, SUBIMAGENET70
from mmadf.models import WiseSrNetHead
from mmadf.models.stages import map_shapes
from mmadf.registry import MODELS
from tests.helpers import named
from tests.test_configs import CONFIGS, build, config, read

PATHS = [path for path in CONFIGS if path.parent.name == 'wise_srnet']
# Data -> layout, epochs at 224 and at 512 pixels.
DATA = dict(
    intel=(INTEL, 220, None),
    mit67=(MIT67, 200, 130),
    subimagenet70=(SUBIMAGENET70, 148, None),
)
PUBLISHED = [path for path in PATHS if path.stem.split('_')[2] in DATA]
# Backbones, data set, and methods with their variants: the paper's tables.
ROWS = [
    (
        'xception resnet50 densenet121',
        'subimagenet70',
        'gap gap_dropout dw dwc wisesrnet wisesrnet_dropout gwap',
    ),
    ('xception resnet50 densenet169', 'intel', 'gap dwc wisesrnet'),
    (
        'xception resnet50 densenet169',
        'mit67',
        'gap gap_dropout wisesrnet wisesrnet_dropout',
    ),
    (
        'xception resnet50v2 densenet201',
        'mit67',
        'gap_512 flatten_512 wisesrnet_512',
    ),
    ('resnet50', 'imagenet', 'gap wisesrnet wisesrnet_gapinit gem attention'),
    ('tiny efficientnetlite0', 'scenes', 'gap wisesrnet'),
]
# Method -> pooling, pre-average or not, constraint.
METHODS = dict(
    gap=('mean', False, None),
    dw=('depthwise', False, None),
    dwc=('depthwise', False, 'nonneg'),
    wisesrnet=('depthwise', True, 'nonneg'),
    gwap=('shared', False, 'nonneg'),
    flatten=('flatten', True, None),
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


def head_fields(path):
    """Return the fields of a head: those of the config, and the defaults."""
    fields = signature(WiseSrNetHead).parameters.values()
    return {**{f.name: f.default for f in fields}, **read(path).model.head}


def parameters(name):
    return sum(p.numel() for p in build(config(name))[1].parameters())


def test_one_config_for_each_published_row_and_control():
    expected = set()
    for backbones, data, methods in ROWS:
        for backbone, method in product(backbones.split(), methods.split()):
            head, _, variant = method.partition('_')
            expected.add('_'.join(filter(None, (head, backbone, data, variant))))
    assert {path.stem for path in PATHS} == expected


# Networks


def test_heads_differ_by_the_parameters_that_the_paper_counts():
    for row, (gap, whole, pooled) in TABLE.items():
        with named(row):
            ours = parameters(f'gap_{row}')
            assert parameters(f'wisesrnet_{row}') - ours == pooled - gap
            if whole:
                assert parameters(f'dwc_{row}') - ours == whole - gap


def test_densenet_has_the_published_size_with_its_statistics():
    # Keras counts two statistics for each channel of a batch norm.
    _, model = build(config('gap_densenet121_subimagenet70'))
    norms = [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    total = parameters('gap_densenet121_subimagenet70')
    assert total + sum(2 * m.num_features for m in norms) == 7_109_254


def test_heads_for_imagenet_differ_from_gap_by_their_pooling_alone():
    for name, extra in [
        ('gap_resnet50_imagenet', 0),
        ('wisesrnet_resnet50_imagenet', 2048 * 9 + 2048),
        ('wisesrnet_resnet50_imagenet_gapinit', 2048 * 9 + 2048),
        ('gem_resnet50_imagenet', 1),
    ]:
        with named(name):
            assert parameters(name) == 25_557_032 + extra


def test_attention_pooling_is_that_of_timm():
    layers = pytest.importorskip('timm').layers
    _, model = build(config('attention_resnet50_imagenet'))
    assert type(model.neck.pool) is layers.AttentionPool2d


@pytest.mark.slow
def test_feature_maps_have_the_size_that_the_heads_expect():
    shapes = {}
    for path in PUBLISHED:
        with named(path):
            cfg, model = build(path)
            key = (repr(cfg.model.backbone), cfg.test_pipeline[1].scale)
            if key not in shapes:
                shapes[key] = map_shapes(model.backbone, key[1][0])
            head = head_fields(path)
            assert shapes[key] == [(1, head['in_channels'], *2 * [head['map_size']])]


def test_tiny_network_ends_in_6_x_6_positions_and_its_kernel_has_3_x_3():
    _, gap = build(config('gap_tiny_scenes'))
    assert map_shapes(gap.backbone, 84) == [(1, 64, 6, 6)]
    extra = parameters('wisesrnet_tiny_scenes') - parameters('gap_tiny_scenes')
    assert extra == 64 * 9 + 64


def test_the_name_tells_the_head():
    ours = [p for p in PATHS if read(p).model.head.type == 'WiseSrNetHead']
    assert set(PUBLISHED) < set(ours)
    for path in ours:
        with named(path):
            head = head_fields(path)
            pooling, pre_average, constraint = METHODS[path.stem.split('_')[0]]
            assert head['pooling'] == pooling
            pool = (3 if '_512' in path.stem else 2) if pre_average else None
            assert head['pool_size'] == pool
            assert head['constraint'] == constraint
            assert head['dropout'] == (0.5 if 'dropout' in path.stem else 0)
            kernel_init = 'gap' if 'gapinit' in path.stem else 'normal'
            assert head['kernel_init'] == kernel_init


def test_mmpretrain_lists_and_builds_wise_srnet():
    (name, *_) = mmpretrain.list_models('wisesrnet*')
    assert isinstance(mmpretrain.get_model(name).head, WiseSrNetHead)


# Recipe


def test_recipe_is_the_published_one():
    for path in PUBLISHED:
        with named(path):
            cfg = read(path)
            data = path.stem.split('_')[2]
            layout, epochs, epochs_512 = DATA[data]
            big = '_512' in path.stem
            side, batch = (512, 15) if big else (224, 70)
            for pipeline in (cfg.train_pipeline, cfg.test_pipeline):
                assert pipeline[1].scale == (side, side)
            for split in ('train', 'val', 'test'):
                loader = cfg[f'{split}_dataloader']
                assert loader.batch_size == batch
                assert loader.dataset.data_root == f'data/{data}/{split}'
                train = split == 'train'
                pipeline = cfg.train_pipeline if train else cfg.test_pipeline
                assert loader.dataset.pipeline == pipeline
                assert loader.sampler.shuffle == train
            assert cfg.train_cfg.max_epochs == (epochs_512 if big else epochs)
            assert cfg.auto_scale_lr.base_batch_size == batch
            assert cfg.data_preprocessor.num_classes == layout.num_classes


def test_learning_rate_falls_every_two_epochs():
    cfg = read(config('wisesrnet_densenet169_intel'))
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


def test_weights_of_timm_are_requested_and_exist():
    timm = pytest.importorskip('timm')
    for name in ('wisesrnet_xception_mit67_512', 'gap_resnet50v2_mit67_512'):
        backbone = Config.fromfile(config(name)).model.backbone
        assert backbone.pretrained is True
        assert timm.list_pretrained(backbone.model_name) == [backbone.model_name]


def test_weights_of_mmpretrain_are_loaded_by_init_weights(tmp_path):
    cfg = Config.fromfile(config('wisesrnet_densenet201_mit67_512'))
    assert 'densenet201_4xb256_in1k' in cfg.model.backbone.init_cfg.checkpoint
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        published = MODELS.build(dict(type='DenseNet', arch='201'))
        state = {f'backbone.{k}': v for k, v in published.state_dict().items()}
        torch.save(dict(state_dict=state), tmp_path / 'weights.pth')
        cfg.model.backbone.init_cfg.checkpoint = str(tmp_path / 'weights.pth')
        model = MODELS.build(cfg.model)
        model.init_weights()
    found = model.backbone.state_dict()
    for name, value in published.state_dict().items():
        assert torch.equal(found[name], value), name
