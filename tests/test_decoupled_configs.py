"""The configs of Decoupled Networks: sizes, operators, what decays, a short run."""

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from torch import nn

from mmadf.analysis import read_log
from mmadf.models import DecoupledConv2d
from mmadf.models.layers.decoupled import DecoupledOperator
from tests.conftest import ROOT, write_images
from tests.test_configs import CONFIGS, build, config

PATHS = [p for p in CONFIGS if p.parent.name == 'decoupled']
HOST = ('tanh_resnet50_imagenet', 'tanh_resnext50_imagenet')
PUBLISHED = [p for p in PATHS if p.stem not in HOST]
each = pytest.mark.parametrize('path', PUBLISHED, ids=lambda p: p.stem)


def decoupled_layers(model):
    return [m for m in model.modules() if isinstance(m, DecoupledConv2d)]


@pytest.mark.parametrize(
    ('network', 'expected', 'decoupled'),
    [
        ('resnet32_cifar100', 16_721_952, 31),
        ('cnn9_cifar100', 3_879_296, 10),
        ('resnet18_imagenet', 42_920_320, 18),
    ],
)
def test_published_weights_of_convolutions_and_classifier(network, expected, decoupled):
    for method, count in (('baseline', 0), ('tanh', decoupled)):
        _, model = build(config(f'{method}_{network}'))
        layers = [m for m in model.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
        assert sum(layer.weight.numel() for layer in layers) == expected
        assert len(decoupled_layers(model)) == count
        assert type(model.head.fc) is nn.Linear


@each
def test_name_of_the_file_is_what_is_built(path):
    _, model = build(path)
    magnitude = path.stem.split('_')[0]
    angle = 'square_cosine' if 'sqcos' in path.stem else 'cosine'
    operators = [layer.operator for layer in decoupled_layers(model)]
    found = {(operator.magnitude, operator.angle) for operator in operators}
    assert found == (set() if magnitude == 'baseline' else {(magnitude, angle)})
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    assert bool(norms) == ('nobn' not in path.stem)
    assert all((norm.eps, norm.momentum) == (1e-3, 1e-3) for norm in norms)


def decay_of_each_parameter(cfg, model):
    groups = build_optim_wrapper(model, cfg.optim_wrapper).param_groups
    assert {group['lr'] for group in groups} == {cfg.optim_wrapper.optimizer.lr}
    return {id(p): g['weight_decay'] for g in groups for p in g['params']}


@each
def test_weight_decay_is_on_shortcuts_classifier_and_norms_alone(path):
    """The controls have no decoupled layers and decay throughout."""
    cfg, model = build(path)
    full = 1e-4 if 'imagenet' in path.stem else 5e-4
    free = (
        ()
        if 'baseline' in path.stem
        else (DecoupledConv2d, DecoupledOperator, nn.PReLU)
    )
    decays = decay_of_each_parameter(cfg, model)
    for module in model.modules():
        for parameter in module.parameters(recurse=False):
            expected = 0 if isinstance(module, free) else full
            assert decays[id(parameter)] == expected, module


@pytest.mark.parametrize('name', HOST)
def test_in_the_recipe_of_the_host_only_radii_do_not_decay(name):
    cfg, model = build(config(name))
    decays = decay_of_each_parameter(cfg, model)
    for parameter_name, parameter in model.named_parameters():
        expected = 0 if parameter_name.endswith('.radius') else 1e-4
        assert decays[id(parameter)] == expected, parameter_name


@each
def test_training_aids_are_where_there_is_something_to_aid(path):
    cfg, model = build(path)
    hooks = {hook.type: hook for hook in cfg.custom_hooks}
    aids = {'WeightProjectionHook', 'OrthogonalityHook'}
    assert aids & set(hooks) == (aids if decoupled_layers(model) else set())
    if decoupled_layers(model):
        assert hooks['WeightProjectionHook'].interval == 100
        assert hooks['OrthogonalityHook'].weight == 1e-5


@each
def test_rate_falls_by_ten_at_the_published_iterations(path):
    cfg, _ = build(path)
    if 'imagenet' in path.stem:
        last, drops = 700_000, [200_000, 375_000, 550_000]
    else:
        last, drops = 42_500, [20_000, 30_000, 37_500]
    assert (cfg.train_cfg.max_iters, cfg.train_cfg.by_epoch) == (last, False)
    schedule = cfg.param_scheduler
    assert (schedule.milestones, schedule.by_epoch) == (drops, False)
    assert schedule.gamma == 0.1
    assert last % cfg.train_cfg.val_interval == 0
    assert last % cfg.default_hooks.checkpoint.interval == 0


def test_validation_images_are_neither_trained_on_nor_tested():
    cfg, _ = build(config('tanh_resnet32_cifar100'))
    train, val, test = (
        cfg[f'{split}_dataloader'].dataset for split in ('train', 'val', 'test')
    )
    assert (train.split, val.split, test.split) == ('train', 'train', 'test')
    assert train.indices - val.indices == 50_000  # the first, and the last -val.indices
    assert val.indices < 0
    assert 'indices' not in test


@each
def test_only_what_is_named_so_trains_adversarially_and_on_cifar10(path):
    cfg, _ = build(path)
    hooks = [h for h in cfg.custom_hooks if h.type == 'AdversarialTrainingHook']
    attacks = [hook.attack for hook in hooks]
    assert attacks == [a for a in ('fgsm', 'pgd') if path.stem.endswith(f'_{a}')]
    assert all(hook.eps == 8 for hook in hooks)
    if 'cifar' in path.stem:
        _, _, data, *_ = path.stem.split('_')
        classes = dict(cifar10=10, cifar100=100)[data]
        assert cfg.model.head.num_classes == classes
        for split in ('train', 'val', 'test'):
            dataset = cfg[f'{split}_dataloader'].dataset
            assert (dataset.type, dataset.data_root) == (data.upper(), f'data/{data}')


JOB = """
_base_ = 'mmadf::decoupled/tanh_cnn9_cifar100.py'

pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=32),
    dict(type='PackInputs'),
]
dataset = dict(_delete_=True, type='CustomDataset', pipeline=pipeline)
train_dataloader = dict(
    batch_size=8, num_workers=0, dataset=dict(dataset, data_root='{data}/train')
)
val_dataloader = dict(
    batch_size=4, num_workers=0, dataset=dict(dataset, data_root='{data}/val')
)
model = dict(
    backbone=dict(channels=(4, 5, 6), fc_channels=7),
    head=dict(num_classes=2, in_channels=7),
)
data_preprocessor = dict(num_classes=2)
train_cfg = dict(max_iters=6, val_interval=3)
default_hooks = dict(logger=dict(interval=1), checkpoint=dict(interval=3))
custom_hooks = [
    dict(type='WeightProjectionHook', interval=6),
    dict(type='OrthogonalityHook', weight=1e-5),
]
"""


@pytest.mark.slow
def test_schedule_by_iterations_saves_validates_and_projects(python, tmp_path):
    images = tmp_path / 'images'
    write_images(images / 'train', per_class=8, size=32)
    write_images(images / 'val', per_class=4, size=32)
    job, work = tmp_path / 'job.py', tmp_path / 'work'
    job.write_text(JOB.format(data=images))
    log = python(ROOT / 'tools/train.py', job, '--work-dir', work).stdout
    assert 'Iter(val) [2/2]' in log
    assert 'orthogonality_loss' in log
    records = read_log(work)
    noted = [record['step'] for record in records if 'accuracy/top1' in record]
    assert noted == [3, 6]
    saved = sorted(p.name for p in work.glob('iter_*.pth'))
    assert saved == ['iter_3.pth', 'iter_6.pth']
    (best,) = work.glob('best_accuracy_top1_iter_*.pth')
    assert best.stem.rpartition('_')[2] in ('3', '6')
    for name, projected in (('iter_3.pth', False), ('iter_6.pth', True)):
        state = torch.load(work / name, weights_only=True)['state_dict']
        w = state['backbone.stages.0.0.conv.weight']
        norms = w.flatten(1).norm(dim=1)
        assert torch.allclose(norms, torch.ones(4), atol=1e-5) == projected
    options = ('--work-dir', work, '--resume', '--cfg-options', 'train_cfg.max_iters=8')
    resumed = python(ROOT / 'tools/train.py', job, *options).stdout
    assert 'resumed epoch: 0, iter: 6' in resumed
    assert (work / 'iter_8.pth').exists()
