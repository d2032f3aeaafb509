import re
from functools import cache

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from mmadf.analysis import cost_by_part, total_cost
from mmadf.registry import MODELS
from tests.conftest import ROOT
from tests.helpers import offline, samples, without_memory

CONFIGS = sorted(
    p
    for p in (ROOT / 'configs').rglob('*.py')
    if not {'_base_', 'studies'} & set(p.parts)
)
NAME = re.compile(r'[a-z0-9]+_[a-z0-9]+_[a-z0-9]+(_[a-z0-9]+)*\.py')


@cache
def build(path):
    cfg = offline(Config.fromfile(path))
    if cfg.model.backbone.type == 'TIMMBackbone':
        pytest.importorskip('timm')
    with DefaultScope.overwrite_default_scope('mmpretrain'), without_memory():
        return cfg, MODELS.build(
            {**cfg.model, 'data_preprocessor': cfg.data_preprocessor}
        )


@pytest.mark.parametrize('path', CONFIGS, ids=lambda p: p.stem)
def test_config_builds(path):
    cfg, model = build(path)
    classes = model.head.num_classes
    assert classes == cfg.data_preprocessor.num_classes
    assert sum(p.numel() for p in model.parameters()) > 0
    assert cfg.default_scope == 'mmpretrain'


def hooks(cfg):
    return [*cfg.default_hooks.values(), *cfg.get('custom_hooks', [])]


@pytest.mark.parametrize('path', CONFIGS, ids=lambda p: p.stem)
def test_every_training_checks_its_data_and_keeps_its_best_checkpoint(path):
    cfg = Config.fromfile(path)
    types = [hook['type'] for hook in hooks(cfg)]
    assert types.count('CheckDataHook') == 1
    checkpoint = cfg.default_hooks.checkpoint
    assert (checkpoint.type, checkpoint.save_best) == ('SafeCheckpointHook', 'auto')
    assert checkpoint.max_keep_ckpts == 3
    assert cfg.custom_imports == dict(imports=['mmadf'], allow_failed_imports=False)
    assert {'IterTimerHook', 'LoggerHook', 'ParamSchedulerHook'} <= set(types)


@pytest.mark.parametrize(
    ('name', 'hook'),
    [('convnexttiny', 'EMAHook'), ('regnetx', 'PreciseBNHook')],
)
def test_hooks_of_the_hosts_recipe_stay(name, hook):
    cfg = Config.fromfile(config(f'adf_{name}_imagenet'))
    assert hook in [h['type'] for h in hooks(cfg)]


@pytest.mark.parametrize('path', CONFIGS, ids=lambda p: p.stem)
def test_config_is_a_short_leaf_that_tells_command_and_cost(path):
    text = path.read_text()
    head = text.split('"""')[1]
    assert str(path.relative_to(ROOT)) in head
    for word in ('Run:', 'Expect:', 'Cost:'):
        assert word in head
    assert len(text.splitlines()) <= 30
    assert NAME.fullmatch(path.name)


def config(name):
    (path,) = [p for p in CONFIGS if p.stem == name]
    return path


def millions(name):
    _, model = build(config(name))
    return sum(p.numel() for p in model.parameters()) / 1e6


@pytest.mark.parametrize(
    ('name', 'expected'),
    [
        ('single_resnext50_imagenet', 25.03),
        ('single_resnext101_imagenet', 44.18),
        ('wide_resnext101_imagenet', 88.79),
        ('ensemble_resnext101_imagenet', 2 * 44.18),
    ],
)
def test_controls_have_the_published_size(name, expected):
    assert millions(name) == pytest.approx(expected, abs=0.01)


def test_mapper_of_resnext101_costs_what_the_formula_says():
    def path(c, steps, k):
        return steps * (9 * c + 2 * c + c * c + 2 * c) + 11 * c + c * k + 2 * k

    gate = 18 * 1024 + 1024
    mapper = path(256, 2, 1024) + path(512, 1, 1024) + gate
    both = 2 * millions('single_resnext101_imagenet')
    assert millions('adf_resnext101_imagenet') == pytest.approx(both + mapper / 1e6)


@pytest.mark.slow
def test_resnext101_runs_forward_and_backward_at_224():
    cfg = Config.fromfile(config('adf_resnext101_imagenet'))
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS.build(cfg.model)
    losses = model.loss(torch.randn(2, 3, 224, 224), samples([1, 999]))
    sum(losses.values()).backward()
    for branch in (model.backbone, model.appearance_backbone):
        assert branch.conv1.weight.grad.abs().sum() > 0
    cost = total_cost(cost_by_part(model, (224, 224)))
    # Two published ResNeXt-101 32x4d (8.01 G multiply-adds) and a small mapper.
    assert 2 * 8.01e9 < cost.multiply_adds < 2 * 8.01e9 + 0.3e9
