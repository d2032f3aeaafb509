"""The configs of Decoupled Networks: sizes, operators, recipe, a short run."""

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from torch import nn

from mmadf.analysis import read_log, validation_curve
from mmadf.engine.launch import build_runner
from mmadf.models import DecoupledConv2d
from tests.conftest import ROOT, write_images
from tests.helpers import named
from tests.test_configs import CONFIGS, build, config, read

PATHS = [path for path in CONFIGS if path.parent.name == 'decoupled']
HOST = 'tanh_resnet50_imagenet'  # MMPretrain's recipe instead of the published one
NARROW = [f'{m}_cnn9_cifar100_10' for m in ('baseline', 'tanh')]  # our schedule
PUBLISHED = [path for path in PATHS if path.stem not in (HOST, *NARROW)]


def decoupled_layers(model):
    return [m for m in model.modules() if isinstance(m, DecoupledConv2d)]


def test_one_config_for_each_published_row_and_control():
    attacked = [f'{m}_cnn9_cifar10' for m in ('baseline', 'sphere', 'ball', 'tanh')]
    nobn = ['baseline', 'tanh', 'linear', 'segmented']
    operators = [*nobn, 'sphere', 'ball', 'log', 'mix']
    expected = {
        *(f'{name}{attack}' for name in attacked for attack in ('', '_fgsm', '_pgd')),
        *(f'{m}_cnn9_cifar100' for m in operators),
        *(f'{m}_cnn9_cifar100_nobn' for m in nobn),
        *(f'{m}_resnet32_cifar100' for m in ('baseline', 'tanh')),
        *(f'{m}_resnet18_imagenet' for m in ('baseline', 'tanh')),
        *NARROW,
        HOST,
    }
    assert {path.stem for path in PATHS} == expected


def test_published_weights_of_convolutions_and_classifier():
    for network, expected, decoupled in [
        ('resnet32_cifar100', 16_721_952, 31),
        ('cnn9_cifar100', 3_879_296, 10),
        ('resnet18_imagenet', 42_920_320, 18),
    ]:
        with named(network):
            for method, count in (('baseline', 0), ('tanh', decoupled)):
                _, model = build(config(f'{method}_{network}'))
                layers = [
                    m for m in model.modules() if isinstance(m, (nn.Conv2d, nn.Linear))
                ]
                assert sum(layer.weight.numel() for layer in layers) == expected
                assert len(decoupled_layers(model)) == count
                assert type(model.head.fc) is nn.Linear


def test_the_name_tells_operator_and_batch_norm():
    for path in PUBLISHED:
        with named(path):
            cfg, model = build(path)
            magnitude = path.stem.split('_')[0]
            if magnitude == 'baseline':
                assert not decoupled_layers(model)
            else:
                operator = cfg.model.backbone.conv_cfg
                assert (operator.magnitude, operator.angle) == (magnitude, 'cosine')
                assert decoupled_layers(model)
            norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
            assert bool(norms) == ('nobn' not in path.stem)
            assert all((norm.eps, norm.momentum) == (1e-3, 1e-3) for norm in norms)


def decay_of_each_parameter(cfg, model):
    groups = build_optim_wrapper(model, cfg.optim_wrapper).param_groups
    assert {group['lr'] for group in groups} == {cfg.optim_wrapper.optimizer.lr}
    return {id(p): g['weight_decay'] for g in groups for p in g['params']}


def test_decoupled_layers_and_slopes_have_no_weight_decay_and_all_else_has():
    for path in PUBLISHED:
        with named(path):
            cfg, model = build(path)
            full = 1e-4 if 'imagenet' in path.stem else 5e-4
            layers = (DecoupledConv2d, nn.PReLU)
            free = {
                id(parameter)
                for module in model.modules()
                if isinstance(module, layers) and 'baseline' not in path.stem
                for parameter in module.parameters()
            }
            decays = decay_of_each_parameter(cfg, model)
            for name, parameter in model.named_parameters():
                expected = 0 if id(parameter) in free else full
                assert decays[id(parameter)] == expected, name


def test_in_the_recipe_of_the_host_only_radii_have_no_weight_decay():
    cfg, model = build(config(HOST))
    decays = decay_of_each_parameter(cfg, model)
    for name, parameter in model.named_parameters():
        expected = 0 if name.endswith('.radius') else 1e-4
        assert decays[id(parameter)] == expected, name


def test_weights_are_projected_and_orthogonalised_where_they_are_decoupled():
    for path in PUBLISHED:
        with named(path):
            hooks = {hook.type: hook for hook in read(path).custom_hooks}
            aids = {'WeightProjectionHook', 'OrthogonalityHook'}
            if 'baseline' in path.stem:
                assert not aids & set(hooks)
            else:
                assert hooks['WeightProjectionHook'].interval == 100
                assert hooks['OrthogonalityHook'].weight == 1e-5


def test_narrow_networks_differ_in_convolutions_and_training_aids_only():
    baseline, tanh = (read(ROOT / f'configs/decoupled/{name}.py') for name in NARROW)
    assert tanh.model.backbone.pop('conv_cfg').type == 'DecoupledConv2d'
    keys = tanh.optim_wrapper.pop('paramwise_cfg').custom_keys
    assert keys == {'.conv': dict(decay_mult=0)}
    aids = [hook.type for hook in tanh.pop('custom_hooks')]
    assert aids == ['WeightProjectionHook', 'OrthogonalityHook']
    baseline.pop('custom_hooks')
    assert baseline.to_dict() == tanh.to_dict()
    warmup, decay = baseline.param_scheduler
    assert warmup.end == decay.begin
    assert decay.end == decay.begin + decay.T_max == baseline.train_cfg.max_epochs


def test_learning_rate_falls_by_ten_at_the_published_iterations():
    for path in PUBLISHED:
        with named(path):
            cfg = read(path)
            last, milestones = 42_500, [20_000, 30_000, 37_500]
            if 'imagenet' in path.stem:
                last, milestones = 700_000, [200_000, 375_000, 550_000]
            assert (cfg.train_cfg.max_iters, cfg.train_cfg.by_epoch) == (last, False)
            schedule = cfg.param_scheduler
            assert (schedule.milestones, schedule.by_epoch) == (milestones, False)
            assert schedule.gamma == 0.1
            assert last % cfg.train_cfg.val_interval == 0
            assert last % cfg.default_hooks.checkpoint.interval == 0


def test_validation_images_are_neither_trained_on_nor_tested():
    cfg = read(config('tanh_resnet32_cifar100'))
    train, val, test = (
        cfg[f'{split}_dataloader'].dataset for split in ('train', 'val', 'test')
    )
    assert (train.split, val.split, test.split) == ('train', 'train', 'test')
    assert train.indices - val.indices == 50_000  # the first, and the last -val.indices
    assert val.indices < 0
    assert 'indices' not in test


def test_the_name_tells_attack_and_data_set():
    for path in PUBLISHED:
        with named(path):
            cfg = read(path)
            hooks = [h for h in cfg.custom_hooks if h.type == 'AdversarialTrainingHook']
            expected = [a for a in ('fgsm', 'pgd') if path.stem.endswith(f'_{a}')]
            assert [hook.attack for hook in hooks] == expected
            assert all(hook.eps == 8 for hook in hooks)
            data = path.stem.split('_')[2]
            classes = dict(cifar10=10, cifar100=100, imagenet=1000)[data]
            assert cfg.model.head.num_classes == classes
            if data != 'imagenet':
                for split in ('train', 'val', 'test'):
                    dataset = cfg[f'{split}_dataloader'].dataset
                    found = (dataset.type, dataset.data_root)
                    assert found == (data.upper(), f'data/{data}')


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
work_dir = '{work}'
launcher = 'none'
test_dataloader = test_cfg = test_evaluator = None
"""


@pytest.fixture(scope='module')
def work(tmp_path_factory):
    """Return the folder of a run of 6 iterations that was resumed for 2 more."""
    folder = tmp_path_factory.mktemp('decoupled')
    images, job, work = folder / 'images', folder / 'job.py', folder / 'work'
    write_images(images / 'train', per_class=8, size=32)
    write_images(images / 'val', per_class=4, size=32)
    job.write_text(JOB.format(data=images, work=work))
    build_runner(Config.fromfile(job), splits=('train', 'val')).train()
    more = dict(resume=True, train_cfg=dict(max_iters=8))
    cfg = Config.fromfile(job)
    cfg.merge_from_dict(more)
    build_runner(cfg, splits=('train', 'val')).train()
    return work


@pytest.mark.slow
def test_schedule_by_iterations_logs_validates_and_resumes_by_them(work):
    records = read_log(work)
    losses = [r for r in records if 'orthogonality_loss' in r]
    assert [r['step'] for r in losses] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert validation_curve(records)[0] == [3, 6, 8]


@pytest.mark.slow
def test_schedule_by_iterations_saves_by_them_and_keeps_the_best(work):
    names = {path.name for path in work.glob('iter_*.pth')}
    assert names == {'iter_3.pth', 'iter_6.pth', 'iter_8.pth'}
    (best,) = work.glob('best_accuracy_top1_iter_*.pth')
    assert best.stem.rpartition('_')[2] in ('3', '6')


@pytest.mark.slow
def test_weights_are_projected_at_the_interval_and_saved_so(work):
    for name, projected in (('iter_3.pth', False), ('iter_6.pth', True)):
        state = torch.load(work / name, weights_only=True)['state_dict']
        norms = state['backbone.stages.0.0.conv.weight'].flatten(1).norm(dim=1)
        assert torch.allclose(norms, torch.ones(4), atol=1e-5) == projected
