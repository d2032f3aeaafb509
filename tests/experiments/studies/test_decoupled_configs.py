"""The studies of decoupled operators: which networks, data and schedule they name."""

from functools import cache

from mmadf.experiments.studies.load import load_study
from mmadf.experiments.studies.plan import run_config
from tests.conftest import ROOT

FULL = ROOT / 'configs' / 'studies' / 'decoupled_cifar100.py'
EVERY = {'sphere', 'ball', 'tanh', 'linear', 'segmented', 'log', 'mix'}
ANGLES = {'lin': 'linear', 'sqcos': 'square_cosine'}


@cache
def configs_of(path):
    study = load_study(path)
    return {name: run_config(study, name, 0) for name in study.variants}


def test_name_of_a_variant_tells_operator_angle_activation_and_norm():
    for name, cfg in configs_of(FULL).items():
        operator, *marks = name.split('_')
        backbone = cfg.model.backbone
        assert ('act_cfg' in backbone) == ('norelu' in marks)
        assert backbone.get('act_cfg') is None
        assert (backbone.norm_cfg is None) == ('nobn' in marks)
        found = backbone.get('conv_cfg') or dict(magnitude='baseline', angle='cosine')
        assert found['magnitude'] == operator
        (angle,) = [ANGLES[m] for m in marks if m in ANGLES] or ['cosine']
        assert found['angle'] == angle


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
