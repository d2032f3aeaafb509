"""The studies of the repository compare the networks that their names say."""

import re
from functools import cache

import pytest
import torch
from mmengine.registry import DefaultScope

from mmadf.analysis import cost_by_phase, total_cost
from mmadf.experiments.studies.load import load_study
from mmadf.experiments.studies.plan import run_config
from mmadf.models.layers import DecoupledConv2d
from mmadf.registry import MODELS
from tests.conftest import ROOT


@cache
def models_of(name):
    """Return the models of a study of the repository by variant."""
    study = load_study(ROOT / 'configs' / 'studies' / f'{name}.py')
    assert len(study.seeds) >= 3
    return {variant: run_config(study, variant, 0).model for variant in study.variants}


SCENES = [('wise_srnet_scenes', 84, 6), ('wise_srnet_scenes_42', 42, 3)]


@pytest.mark.parametrize(('name', 'pixels', 'side'), SCENES)
def test_study_of_scenes_compares_the_heads_that_its_names_say(name, pixels, side):
    networks = models_of(name)
    pooled = {k: m.neck.type for k, m in networks.items() if m.get('neck')}
    assert pooled == {
        'GAP': 'GlobalAveragePooling',
        'GeM': 'GeneralizedMeanPooling',
        'attention': 'TimmPooling',
    }
    assert {networks[k].head.type for k in pooled} == {'LinearClsHead'}
    assert networks['attention'].neck.arguments.feat_size == side
    heads = {k: m.head for k, m in networks.items() if k not in pooled}
    for variant, head in heads.items():
        parts = re.split(r'[+_]', variant)
        assert head.type == 'WiseSrNetHead'
        assert head.get('pooling') == ('mean' if 'GAP' in parts else None)
        assert head.pool_size == (2 if 'Avg' in parts else None)
        assert head.map_size == side or 'GAP' in parts
        assert head.get('kernel_init') == ('gap' if 'gapinit' in parts else None)
        assert head.get('dropout') == (0.5 if 'DP' in parts else None)
    at_both = {'GAP+DP', 'DW+C', 'DW+C_gapinit'}
    averaged = {'Avg+DW+C', 'Avg+DW+C_gapinit', 'Avg+DW+C+DP'}
    assert set(heads) == at_both | (averaged if side == 6 else {'DW+C+DP'})


@pytest.mark.slow
@pytest.mark.parametrize(('name', 'pixels', 'side'), SCENES)
def test_study_of_scenes_gives_each_head_a_map_of_its_size(name, pixels, side):
    pytest.importorskip('timm')
    study = load_study(ROOT / 'configs' / 'studies' / f'{name}.py')
    for variant in study.variants:
        cfg = run_config(study, variant, 0)
        for split in ('train', 'val', 'test'):
            _, resize, crop, *_ = cfg[f'{split}_dataloader'].dataset.pipeline
            assert (resize.scale, crop.crop_size) == (8 * pixels // 7, pixels)
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            network = MODELS.build(cfg.model).eval()
        images = torch.randn(1, 3, pixels, pixels)
        assert network.backbone(images)[-1].shape == (1, 32, side, side)
        assert network(images).isfinite().all()


@pytest.mark.slow
def test_study_of_all_ideas_crosses_them_as_its_names_say():
    networks = models_of('together_scenes')
    assert len(networks) == 2**3
    for variant, model in networks.items():
        parts = variant.split('+')
        assert (model.type == 'ADFClassifier') == ('ADF' in parts)
        assert (model.get('mapper') is not None) == ('ADF' in parts)
        assert (model.head.type == 'WiseSrNetHead') == ('wise' in parts)
        assert (model.backbone.get('conv_cfg') is not None) == ('dec' in parts)
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            network = MODELS.build(model).eval()
        maps = network.backbone(torch.randn(1, 3, 64, 64))
        assert maps[-1].shape == (1, 64, 4, 4)
        if 'wise' in parts:  # starts as the mean over the map
            assert (network.head.pooling.spatial.weight == 1 / 16).all()
        layers = network.backbone.modules()
        kinds = {type(m) for m in layers if isinstance(m, torch.nn.Conv2d)}
        assert kinds == {DecoupledConv2d if 'dec' in parts else torch.nn.Conv2d}


def test_study_of_adf_compares_the_networks_that_its_names_say():
    networks = models_of('adf_scenes')
    single = [name for name, m in networks.items() if m.type == 'ImageClassifier']
    assert single == ['single', 'wide_deployed', 'wide_trained']
    assert networks['ensemble'].mapper is None
    assert networks['ensemble'].readout == 'sum'
    fused = {
        name: [(m.target, *m.sources, *map(m.get, ('fusion', 'gate'))) for m in maps]
        for name, model in networks.items()
        if (maps := model.get('mapper'))
    }
    inside = [(2, 0, 1, None, None), (3, 0, 1, None, None)]
    assert fused == {
        'end': inside[1:],
        'inside': inside,
        'inside_stage0': [(2, 0, None, None), (3, 0, None, None)],
        'inside_stage1': [(2, 1, None, None), (3, 1, None, None)],
        'inside_lean': [inside[0], (3, 1, None, None)],
        'inside_once': inside[:1],
        'inside_convex': [(2, 0, 1, 'convex', None), (3, 0, 1, 'convex', None)],
        'inside_mutual': inside,
        'inside_channel': [(2, 0, 1, None, 'channel'), (3, 0, 1, None, 'channel')],
    }
    learning = {name for name, model in networks.items() if model.get('distill_weight')}
    assert learning == {'inside_mutual'}


@pytest.mark.slow
def test_wider_controls_of_adf_cost_what_their_names_say():
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        networks = {k: MODELS.build(m) for k, m in models_of('adf_scenes').items()}
    for phase in ('deployed', 'trained'):
        wide, adf = (
            total_cost(cost_by_phase(networks[name], (64, 64))[phase])
            for name in (f'wide_{phase}', 'inside')
        )
        assert wide.multiply_adds == pytest.approx(adf.multiply_adds, rel=0.05)


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


def test_study_from_pretrained_weights_ends_where_its_schedule_ends():
    study = load_study(ROOT / 'configs/studies/adf_pretrained_scenes.py')
    assert study.data.per_class == 20
    for variant in study.variants:
        cfg = run_config(study, variant, 0)
        warmup, decay = cfg.param_scheduler
        assert warmup.end == decay.begin
        assert decay.end == decay.begin + decay.T_max == cfg.train_cfg.max_epochs
        assert cfg.train_cfg.val_begin == 0.8 * cfg.train_cfg.max_epochs


def test_studies_state_their_number_of_runs():
    for path in (ROOT / 'configs/studies').glob('*.py'):
        study = load_study(path)
        stated = re.search(r'^Cost: (\d+) runs', path.read_text(), re.MULTILINE)[1]
        assert int(stated) == len(study.variants) * len(study.seeds), path.name
