"""Every config that is trained: it builds, tells its purpose and is safe to run."""

import re
from functools import cache

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from mmadf.analysis import cost_by_part, total_cost
from mmadf.registry import MODELS
from tests.conftest import ROOT
from tests.helpers import build_without_memory, named, samples

CONFIGS = sorted(
    path
    for path in (ROOT / 'configs').rglob('*.py')
    if not {'_base_', 'studies'} & set(path.parts)
)
NAME = re.compile(r'[a-z0-9]+_[a-z0-9]+_[a-z0-9]+(_[a-z0-9]+)*\.py')


MODELS_BUILT = {}  # of each distinct network, one
read = cache(Config.fromfile)


def build(path):
    """Return a config and its model without memory; neither may be changed."""
    cfg = read(path)
    if cfg.model.backbone.type == 'TIMMBackbone':
        pytest.importorskip('timm')
    key = repr((cfg.model, cfg.data_preprocessor))
    if key not in MODELS_BUILT:
        MODELS_BUILT[key] = build_without_memory(cfg)
    return cfg, MODELS_BUILT[key]


def config(name):
    (path,) = [path for path in CONFIGS if path.stem == name]
    return path


def millions(name):
    _, model = build(config(name))
    return sum(p.numel() for p in model.parameters()) / 1e6


def hook_types(cfg):
    hooks = [*cfg.default_hooks.values(), *cfg.get('custom_hooks', [])]
    return [hook['type'] for hook in hooks]


@pytest.mark.parametrize(
    'folder',
    [
        pytest.param('adf', marks=pytest.mark.slow),
        'decoupled',
        pytest.param('wise_srnet', marks=pytest.mark.slow),
    ],
)
def test_every_config_builds_for_the_classes_of_its_data(folder):
    paths = [path for path in CONFIGS if path.parent.name == folder]
    assert len(paths) > 20
    for path in paths:
        with named(path):
            cfg, model = build(path)
            assert model.head.num_classes == cfg.data_preprocessor.num_classes
            assert cfg.default_scope == 'mmpretrain'


def test_every_training_checks_its_data_and_keeps_its_best_checkpoint():
    for path in CONFIGS:
        with named(path):
            cfg = read(path)
            checkpoint = cfg.default_hooks.checkpoint
            assert checkpoint.type == 'SafeCheckpointHook'
            assert (checkpoint.save_best, checkpoint.max_keep_ckpts) == ('auto', 3)
            types = hook_types(cfg)
            assert types.count('CheckDataHook') == 1
            assert {'IterTimerHook', 'LoggerHook', 'ParamSchedulerHook'} <= set(types)
            assert cfg.custom_imports.imports[0] == 'mmadf'
            assert cfg.custom_imports.allow_failed_imports is False


def test_hooks_of_the_hosts_recipe_stay():
    for name, hook in [('convnexttiny', 'EMAHook'), ('regnetx', 'PreciseBNHook')]:
        with named(name):
            assert hook in hook_types(read(config(f'adf_{name}_imagenet')))


def test_every_config_is_short_and_tells_command_expectation_and_cost():
    for path in CONFIGS:
        with named(path):
            text = path.read_text()
            docstring = text.split('"""')[1]
            run = docstring.partition('Run: ')[2]
            if study := re.match(r'python tools/study\.py (\S+)', run):
                variants = Config.fromfile(ROOT / study[1]).variants.values()
                assert any(v.config.endswith(f'/{path.name}') for v in variants)
            else:
                assert str(path.relative_to(ROOT)) in run
            assert all(f'{word}: ' in docstring for word in ('Run', 'Expect', 'Cost'))
            assert len(text.splitlines()) <= 30
            assert NAME.fullmatch(path.name)


def test_controls_have_the_published_size():
    for name, expected in [
        ('single_resnext50_imagenet', 25.03),
        ('single_resnext101_imagenet', 44.18),
        ('wide_resnext101_imagenet', 88.79),
        ('ensemble_resnext101_imagenet', 2 * 44.18),
    ]:
        with named(name):
            assert millions(name) == pytest.approx(expected, abs=0.01)


def test_adf_networks_to_be_used_are_distilled_and_fused_into_two_stages():
    names = [p.stem for p in CONFIGS if re.match('adf_.*_imagenet', p.stem)]
    assert len(names) > 10
    for name in (*names, 'adf_resnet50_folder', 'adf_regnet_folder'):
        with named(name):
            model = read(config(name)).model
            assert (model.distill_weight, model.distill_temperature) == (1.0, 2.0)
            if model.mapper is not None:
                first, second = (mapper.target for mapper in model.mapper)
                assert second == first + 1 in (-1, -2)


def test_mappers_of_resnext101_cost_what_the_formula_says():
    def path(c, steps, k):
        return steps * (9 * c + 2 * c + c * c + 2 * c) + 11 * c + c * k + 2 * k

    def mapper(channels, halvings):
        first, second = path(256, halvings, channels), path(512, halvings - 1, channels)
        gate = 18 * channels + channels
        return first + second + gate

    both = 2 * millions('single_resnext101_imagenet')
    mappers = (mapper(1024, 2) + mapper(2048, 3)) / 1e6
    assert millions('adf_resnext101_imagenet') == pytest.approx(both + mappers)


def test_resnext101_costs_two_published_networks_and_small_mappers():
    _, model = build(config('adf_resnext101_imagenet'))
    cost = total_cost(cost_by_part(model, (224, 224)))
    published = 8.01e9  # multiply-adds of ResNeXt-101 32x4d
    assert 2 * published < cost.multiply_adds < 2 * published + 0.5e9


@pytest.mark.slow
def test_resnext101_trains_both_branches():
    cfg = Config.fromfile(config('adf_resnext101_imagenet'))
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS.build(cfg.model)
    losses = model.loss(torch.randn(2, 3, 64, 64), samples([1, 999]))
    sum(losses.values()).backward()
    for branch in (model.backbone, model.appearance_backbone):
        assert branch.conv1.weight.grad.abs().sum() > 0
