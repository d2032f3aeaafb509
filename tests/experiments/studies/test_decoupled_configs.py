"""The studies of decoupled operators: which networks, data and schedule they name."""

from functools import cache

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from mmadf.experiments.studies.load import load_study
from mmadf.experiments.studies.plan import run_config, write_runs
from mmadf.registry import MODELS
from tests.conftest import ROOT

FULL, SMALL, ADVERSARIAL = (
    ROOT / 'configs' / 'studies' / f'decoupled_{name}.py'
    for name in ('cifar100', 'cifar100_small', 'adversarial_small')
)
EVERY = {'sphere', 'ball', 'tanh', 'linear', 'segmented', 'log', 'mix'}
ANGLES = {'lin': 'linear', 'sqcos': 'square_cosine'}


@cache
def configs_of(path):
    study = load_study(path)
    return {name: run_config(study, name, 0) for name in study.variants}


@pytest.mark.parametrize('path', [FULL, SMALL, ADVERSARIAL], ids=lambda p: p.stem)
def test_name_of_a_variant_tells_operator_angle_activation_norm_and_attack(path):
    for name, cfg in configs_of(path).items():
        operator, *marks = name.split('_')
        backbone = cfg.model.backbone
        assert ('act_cfg' in backbone) == ('norelu' in marks)
        assert backbone.get('act_cfg') is None
        assert (backbone.norm_cfg is None) == ('nobn' in marks)
        found = backbone.get('conv_cfg') or dict(magnitude='baseline', angle='cosine')
        assert found['magnitude'] == operator
        (angle,) = [ANGLES[m] for m in marks if m in ANGLES] or ['cosine']
        assert found['angle'] == angle
        attacks = [h.attack for h in cfg.custom_hooks if h.type.startswith('Adv')]
        assert attacks == [mark for mark in marks if mark in ('fgsm', 'pgd')]


def test_full_study_has_every_network_of_the_two_tables_of_the_paper():
    cosine = {'baseline', *EVERY}
    square = {f'{name}_sqcos' for name in EVERY}
    without_norm = {'baseline_nobn'} | {
        f'{name}{angle}_nobn'
        for name in ('tanh', 'linear', 'segmented')
        for angle in ('', '_lin', '_sqcos')
    }
    with_norm = cosine | square
    without_relu = {f'{name}_norelu' for name in with_norm}
    assert set(load_study(FULL).variants) == with_norm | without_relu | without_norm


def test_full_study_trains_and_tests_on_the_data_sets_of_the_host_at_full_length():
    for cfg in configs_of(FULL).values():
        assert {cfg[f'{k}_dataloader'].dataset.type for k in ('train', 'test')} == {
            'CIFAR100'
        }
        assert (cfg.train_cfg.max_iters, cfg.model.head.num_classes) == (42_500, 100)


@pytest.mark.parametrize('path', [SMALL, ADVERSARIAL], ids=lambda p: p.stem)
def test_small_studies_change_all_networks_alike(path):
    for cfg in configs_of(path).values():
        backbone, classes = cfg.model.backbone, cfg.data_preprocessor.num_classes
        assert (backbone.channels, backbone.fc_channels) == ((16, 24, 32), 32)
        assert (backbone.norm_cfg or {}).get('momentum', 0.1) == 0.1
        assert (backbone.get('conv_cfg') or {}).get('decay', 0.9) == 0.9
        assert (cfg.train_cfg.max_iters, cfg.train_dataloader.batch_size) == (500, 32)
        assert max(cfg.param_scheduler.milestones) < 500
        assert 500 % cfg.train_cfg.val_interval == 0
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            network = MODELS.build(cfg.model).eval()
        assert network(torch.randn(1, 3, 32, 32)).shape == (1, classes) == (1, 20)


def test_without_attack_the_adversarial_study_trains_as_the_other_does():
    plain, attacked = configs_of(SMALL), configs_of(ADVERSARIAL)
    for name in ('baseline', 'sphere', 'ball', 'tanh'):
        for field in ('model', 'optim_wrapper', 'param_scheduler', 'custom_hooks'):
            assert plain[name][field] == attacked[name][field]


def test_small_studies_read_the_image_folder_and_augment_training_images_alone(
    image_folder, tmp_path
):
    options = {'data.root': str(image_folder), 'data.test': 'val'}
    study = load_study(SMALL, {**options, 'work_dir': str(tmp_path)})
    study.variants, study.seeds = {'baseline': study.variants.baseline}, (0,)
    cfg = Config.fromfile(write_runs(study)[0].config)
    sets = {k: cfg[f'{k}_dataloader'].dataset for k in ('train', 'val', 'test')}
    assert {s.type for s in sets.values()} == {'CustomDataset'}
    steps = {k: [step.type for step in s.pipeline] for k, s in sets.items()}
    assert steps['val'] == steps['test'] == ['LoadImageFromFile', 'PackInputs']
    assert steps['train'][1:-1] == ['RandomCrop', 'RandomFlip']
    roots = {k: s.data_root for k, s in sets.items()}
    train, test = (str(image_folder / k) for k in ('train', 'val'))
    assert roots == dict(train=train, val=train, test=test)
    assert sets['train'].ann_file != sets['val'].ann_file
