"""The studies of the repository compare the networks that their names say."""

import re
from functools import cache

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope

from mmadf.analysis import cost_by_phase, total_cost
from mmadf.experiments.studies.load import load_study
from mmadf.experiments.studies.plan import run_config
from mmadf.registry import MODELS
from mmadf.weights.load import build_network
from tests.conftest import ROOT


@cache
def models_of(name):
    """Return the models of a study of the repository by variant."""
    study = load_study(ROOT / 'configs' / 'studies' / f'{name}.py')
    assert len(study.seeds) >= 3
    return {variant: run_config(study, variant, 0).model for variant in study.variants}


SCENES = [
    ('wise_srnet_scenes', 84, 6),
    ('wise_srnet_scenes_11x11', 84, 11),
    ('wise_srnet_pretrained_scenes', 192, 6),
    ('wise_srnet_pretrained_scenes_96', 96, 3),
]


@pytest.mark.parametrize(('name', 'pixels', 'side'), SCENES)
def test_study_of_scenes_compares_the_heads_that_its_names_say(name, pixels, side):
    networks = models_of(name)
    pooled = {k: m.neck.type for k, m in networks.items() if m.get('neck')}
    assert pooled == {
        'GAP': 'GlobalAveragePooling',
        'GeM': 'GeneralizedMeanPooling',
        'SimPool': 'TimmPooling',
        'attention': 'TimmPooling',
    }
    assert {networks[k].head.type for k in pooled} == {'LinearClsHead'}
    assert networks['attention'].neck.arguments.feat_size == side
    heads = {k: m.head for k, m in networks.items() if k not in pooled}
    for variant, head in heads.items():
        parts = re.split(r'[+_]', variant)
        assert head.type == 'WiseSrNetHead'
        assert head.pool_size == (2 if 'Avg' in parts else None)
        assert head.map_size == side
        assert head.get('kernel_init') == ('gap' if 'gapinit' in parts else None)
        assert 'dropout' not in head
    averaged = {'Avg+DW+C', 'Avg+DW+C_gapinit'} if side > 3 else set()
    assert set(heads) == {'DW+C', 'DW+C_gapinit'} | averaged


@pytest.mark.slow
@pytest.mark.parametrize(('name', 'pixels', 'side'), SCENES)
def test_study_of_scenes_gives_each_head_a_map_of_its_size(name, pixels, side):
    pytest.importorskip('timm')
    study = load_study(ROOT / 'configs' / 'studies' / f'{name}.py')
    for variant in study.variants:
        cfg = run_config(study, variant, 0)
        for split in ('train', 'val', 'test'):
            _, resize, *steps = cfg[f'{split}_dataloader'].dataset.pipeline
            cropped = 'pretrained' not in name  # the others resize only
            assert resize.scale == (8 * pixels // 7 if cropped else pixels)
            sizes = [step.crop_size for step in steps if 'crop_size' in step]
            assert sizes == ([pixels] if cropped else [])
        cfg.model.backbone.pop('init_cfg', None)
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            network = MODELS.build(cfg.model).eval()
        images = torch.randn(1, 3, pixels, pixels)
        assert network.backbone(images)[-1].shape[2:] == (side, side)
        assert network(images).isfinite().all()


@pytest.mark.slow
def test_study_from_pretrained_weights_compares_what_its_names_say():
    pytest.importorskip('timm')
    variants = models_of('adf_pretrained_scenes')
    kinds = {
        name: (m.type, bool(m.get('mapper')), m.get('readout'), m.get('distill_weight'))
        for name, m in variants.items()
    }
    single, adf = 'ImageClassifier', 'ADFClassifier'
    assert kinds == {
        'single': (single, False, None, None),
        'wide': (single, False, None, None),
        'ensemble': (adf, False, 'sum', None),
        'inside': (adf, True, None, None),
        'distilled': (adf, True, None, 1.0),
        'two_distilled': (adf, False, None, 1.0),
    }
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        networks = {name: MODELS.build(variants[name]) for name in kinds}
    deployed = {
        name: total_cost(cost_by_phase(network, (96, 96))['deployed']).multiply_adds
        for name, network in networks.items()
    }
    assert deployed['two_distilled'] == deployed['single']
    assert deployed['wide'] >= deployed['inside'] > deployed['single']


def test_study_on_cifar100_compares_networks_of_one_deployed_cost():
    models = models_of('adf_regnet_cifar100')
    deployed = {}
    for variant, model in models.items():
        network = build_network(Config(dict(model=model)))
        cost = cost_by_phase(network, (32, 32))['deployed']
        deployed[variant] = total_cost(cost).multiply_adds
    assert deployed['two_distilled'] == deployed['single']
    assert deployed['wide_deployed'] == pytest.approx(deployed['distilled'], rel=0.01)
    assert deployed['distilled'] > 1.2 * deployed['single']
    distilled, unfused = models['distilled'], models['two_distilled']
    assert len(distilled.mapper) == 2
    assert unfused.mapper is None
    assert distilled.distill_weight == unfused.distill_weight == 1.0


def test_options_with_new_seeds_are_those_of_the_search():
    found, search = (
        load_study(ROOT / f'configs/studies/adf_regnet_scenes_{name}.py')
        for name in ('options', 'search')
    )
    assert not set(found.seeds) & set(search.seeds)
    assert (found.data.test, search.data.test) == ('test', None)
    names = {'single', 'wide_deployed', 'two_distilled'}
    names |= {'distilled', 'temperature1', 'mutual', 'earlier'}
    assert set(found.variants) == names
    for variant in names:
        both = [run_config(study, variant, 1) for study in (found, search)]
        for field in ('model', 'custom_hooks', 'optim_wrapper', 'param_scheduler'):
            assert both[0].get(field) == both[1].get(field)


@pytest.mark.slow
def test_study_of_options_trains_shallow_stages_at_the_rates_that_its_names_say():
    pytest.importorskip('timm')
    path = ROOT / 'configs/studies/adf_pretrained_scenes_options.py'
    study = load_study(path)
    shallow = re.compile(r'backbone\.timm_model\.(conv_stem|bn1|blocks\.[01])\.')
    rates = {}
    for variant in study.variants:
        cfg = run_config(study, variant, 0)
        noise = cfg.model.pretrained_branches.pop('appearance_noise', 0)
        assert (noise > 0) == (variant == 'noise')
        assert cfg.model.distill_weight == 1.0
        cfg.model.pretrained_branches = None
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            network = MODELS.build(cfg.model)
            optimizer = build_optim_wrapper(network, cfg.optim_wrapper).optimizer
        names = {id(p): name for name, p in network.named_parameters()}
        for group in optimizer.param_groups:
            for parameter in group['params']:
                name = names[id(parameter)]
                branch = 'appearance' if name.startswith('appearance_') else 'semantic'
                kind = branch if shallow.search(name) else 'rest'
                rates.setdefault((variant, kind), set()).add(group['lr'] / 1e-3)
    changed = {key: found for key, found in rates.items() if found != {1.0}}
    assert changed == {
        ('frozen', 'appearance'): {0.0},
        ('low_rate', 'appearance'): {0.1},
        ('low_rate', 'semantic'): {0.1},
    }
    assert {('low_rate', 'rest'), ('frozen', 'semantic')} < set(rates)


def test_study_from_pretrained_weights_ends_where_its_schedule_ends():
    study = load_study(ROOT / 'configs/studies/adf_pretrained_scenes.py')
    assert study.data.per_class == 20
    for variant in study.variants:
        cfg = run_config(study, variant, 0)
        warmup, decay = cfg.param_scheduler
        assert warmup.end == decay.begin
        assert decay.end == decay.begin + decay.T_max == cfg.train_cfg.max_epochs
        assert cfg.train_cfg.val_begin == 0.8 * cfg.train_cfg.max_epochs


def test_study_of_operators_compares_the_layers_that_its_names_say():
    operators, *others = (
        models_of(f'decoupled_cifar100_10{suffix}')
        for suffix in ('', '_norelu', '_nobn')
    )
    assert operators.keys() > {'baseline', 'sphere', 'ball', 'tanh', 'linear'}
    assert [len(networks) for networks in others] == [3, 3]
    networks = {**operators, **others[0], **others[1]}
    for variant, model in networks.items():
        operator, *changes = variant.split('_')
        backbone = model.backbone
        has_relu = backbone.get('act_cfg', 'ReLU') is not None
        assert has_relu == ('norelu' not in changes), variant
        assert (backbone.norm_cfg is None) == ('nobn' in changes), variant
        if operator == 'baseline':
            assert backbone.get('conv_cfg') is None
        else:
            angle = 'square_cosine' if 'sqcos' in changes else 'cosine'
            found = backbone.conv_cfg.magnitude, backbone.conv_cfg.angle
            assert found == (operator, angle), variant


def test_weight_decay_of_plain_convolutions_is_removed_in_one_control():
    study = load_study(ROOT / 'configs/studies/decoupled_cifar100_10.py')
    for variant in study.variants:
        cfg = run_config(study, variant, 0)
        wrapper = build_optim_wrapper(build_network(cfg), cfg.optim_wrapper)
        decays = [
            group['weight_decay']
            for group in wrapper.optimizer.param_groups
            if group['params'][0].dim() == 4
        ]
        assert set(decays) == {5e-4 if variant == 'baseline' else 0.0}, variant


def test_studies_state_their_number_of_runs():
    for path in (ROOT / 'configs/studies').glob('*.py'):
        study = load_study(path)
        stated = re.search(r'^Cost: (\d+) runs', path.read_text(), re.MULTILINE)[1]
        assert int(stated) == len(study.variants) * len(study.seeds), path.name
