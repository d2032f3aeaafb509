import pytest
from mmengine.config import Config

from mmadf.studies import load_study, write_runs
from tests.conftest import ROOT

STUDY = """
_own = dict(anything=1)
variants = {{
    'plain': dict(config='{config}'),
    'wide': dict(config='{config}', options={{'model.head.in_channels': 99}}),
}}
control = 'plain'
seeds = (0, 4)
options = dict(train_cfg=dict(max_epochs=2))
data = dict(root='{images}', test='val', val_fraction=0.25)
"""
CONFIG = ROOT / 'configs' / 'wise_srnet' / 'gap_tiny_scenes.py'


@pytest.fixture
def study(tmp_path, image_folder):
    path = tmp_path / 'my_study.py'
    path.write_text(STUDY.format(config=CONFIG, images=image_folder))
    return path


def load(study, tmp_path, **options):
    return load_study(study, {'work_dir': str(tmp_path / 'out'), **options})


def test_every_run_has_its_variant_seed_and_data(study, tmp_path, image_folder):
    runs = write_runs(load(study, tmp_path))
    names = [(run.variant, run.seed) for run in runs]
    assert names == [('plain', 0), ('wide', 0), ('plain', 4), ('wide', 4)]
    cfg = Config.fromfile(runs[3].config)
    assert cfg.randomness.seed == 4
    assert cfg.model.head.in_channels == 99
    assert Config.fromfile(runs[2].config).model.head.in_channels == 32
    assert cfg.train_cfg.max_epochs == 2
    train, val, test = (
        cfg[f'{name}_dataloader'].dataset for name in ('train', 'val', 'test')
    )
    assert train.data_root == val.data_root == str(image_folder / 'train')
    assert train.ann_file == str(tmp_path / 'out' / 'split' / 'train.txt')
    assert val.ann_file == str(tmp_path / 'out' / 'split' / 'val.txt')
    assert test.data_root == str(image_folder / 'val')
    assert 'ann_file' not in test
    assert runs[3].work_dir == tmp_path / 'out' / 'wide' / 'seed4'


def test_same_settings_are_taken_up_and_others_refused(study, tmp_path):
    first = write_runs(load(study, tmp_path))
    assert write_runs(load(study, tmp_path)) == first
    with pytest.raises(ValueError, match='plain/seed0 holds a run of other settings'):
        write_runs(load(study, tmp_path, **{'options.train_cfg.max_epochs': 3}))


def test_option_that_replaces_a_field_does_so_for_every_seed(study, tmp_path):
    neck = dict(_delete_=True, type='GeneralizedMeanPooling', p=2.0)
    loaded = load(study, tmp_path, **{'options.model.neck.mode': 'old'})
    loaded.variants.wide.options = {'model': dict(neck=neck)}
    runs = [run for run in write_runs(loaded) if run.variant == 'wide']
    necks = [Config.fromfile(run.config).model.neck for run in runs]
    assert necks == [dict(type='GeneralizedMeanPooling', p=2.0)] * 2


def test_work_dir_is_named_after_the_study(study):
    assert load_study(study).work_dir == 'work_dirs/my_study'


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'sead': 1}, r"unknown fields \['sead'\]"),
        ({'seeds': ()}, r"missing fields \['seeds'\]"),
        ({'seeds': (1, 1)}, r'seeds=\[1, 1\] must differ|seeds=.1, 1. must differ'),
        ({'control': 'x'}, r"control='x' is none of the variants \['plain', 'wide'\]"),
        ({'variants.a/b': {'config': 'x'}}, r"names of variants \['a/b'\]"),
        ({'variants.plain.seed': 1}, r"variant 'plain' has \['config', 'seed'\]"),
    ],
)
def test_bad_study_is_refused(options, message, study):
    with pytest.raises(ValueError, match=message):
        load_study(study, options)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'data.rot': 'x'}, r"data has unknown fields \['rot'\]"),
        ({'options.trian_cfg': dict(max_epochs=1)}, 'trian_cfg'),
    ],
)
def test_bad_options_are_refused_before_anything_runs(
    options, message, study, tmp_path
):
    with pytest.raises(ValueError, match=message):
        write_runs(load(study, tmp_path, **options))


def test_study_of_the_repository_compares_what_its_names_say(image_folder, tmp_path):
    study = load_study(
        ROOT / 'configs/studies/wise_srnet_scenes.py',
        {
            'data.root': str(image_folder),
            'data.test': 'val',
            'work_dir': str(tmp_path / 'out'),
        },
    )
    runs = write_runs(study)
    assert len(runs) == 7 * 3
    models = {run.variant: Config.fromfile(run.config).model for run in runs}
    heads = {name: model.head for name, model in models.items()}
    assert heads['GAP'].type == heads['GeM'].type == 'LinearClsHead'
    assert models['GeM'].neck.type == 'GeneralizedMeanPooling'
    assert heads['GAP+DP'].pooling == 'mean'
    assert heads['DW+C'].pool_size is None
    assert heads['Avg+DW+C'].pool_size == 2
    assert heads['Avg+DW+C_gapinit'].kernel_init == 'gap'
    dropouts = {name for name, head in heads.items() if head.get('dropout')}
    assert dropouts == {'GAP+DP', 'Avg+DW+C+DP'}
