"""From a study to the configs of its runs, and what is refused before any starts."""

import json
import shutil

import pytest
from mmengine.config import Config

from mmadf.experiments.studies.load import load_study
from mmadf.experiments.studies.plan import run_config, write_runs
from tests.conftest import ROOT, write_images
from tests.helpers import named

STUDY = """
_own = dict(anything=1)
variants = {{
    'plain': dict(config='{config}'),
    'wide': dict(config='{config}', options={{'model.head.in_channels': 99}}),
}}
control = 'plain'
seeds = (0, 4)
options = dict(
    train_cfg=dict(max_epochs=2), model=dict(head=dict(num_classes=2))
)
data = dict(root='{images}', test='val', val_fraction=0.25)
"""
CONFIG = ROOT / 'configs' / 'wise_srnet' / 'gap_tiny_scenes.py'


@pytest.fixture
def study(tmp_path, image_folder):
    path = tmp_path / 'my_study.py'
    path.write_text(STUDY.format(config=CONFIG, images=image_folder))
    return path


ONE_RUN = {'variants.wide': None, 'seeds': (0,)}


def load(study, tmp_path, **options):
    return load_study(study, {'work_dir': str(tmp_path / 'out'), **options})


def test_every_run_has_its_variant_seed_and_data(study, tmp_path, image_folder):
    runs = write_runs(load(study, tmp_path))
    names = [(run.variant, run.seed) for run in runs]
    assert names == [('plain', 0), ('wide', 0), ('plain', 4), ('wide', 4)]
    cfg = Config.fromfile(runs[3].config)
    assert cfg.randomness.seed == 4
    assert cfg.model.head.in_channels == 99
    assert Config.fromfile(runs[2].config).model.head.in_channels == 64
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


STARTED = ['epoch_1.pth', '20260101_000000/vis_data/scalars.json', 'test/result.json']


def test_same_settings_are_taken_up_and_others_refused(study, tmp_path):
    first = write_runs(load(study, tmp_path, **ONE_RUN))
    assert write_runs(load(study, tmp_path, **ONE_RUN)) == first
    options = {**ONE_RUN, 'options.train_cfg.max_epochs': 3}
    for name in [*STARTED, 'slurm_job']:
        with named(name):
            file = first[0].work_dir / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text('any')
            with pytest.raises(ValueError, match='plain/seed0 belongs to a run with o'):
                write_runs(load(study, tmp_path, **options))
            file.unlink()


def test_settings_of_a_run_that_has_trained_nothing_can_be_corrected(study, tmp_path):
    (run,) = write_runs(load(study, tmp_path, **ONE_RUN))
    (run.work_dir / 'train.log').write_text('out of memory')
    options = {**ONE_RUN, 'options.train_cfg.max_epochs': 3}
    assert write_runs(load(study, tmp_path, **options)) == [run]
    assert Config.fromfile(run.config).train_cfg.max_epochs == 3
    assert (
        json.loads(run.settings.read_text())['config']['train_cfg']['max_epochs'] == 3
    )


def test_networks_are_built_before_anything_runs(study, tmp_path):
    options = {'variants.wide.options': {'model.neck.type': 'GlobalAveragePolling'}}
    message = "the network of variant 'wide' cannot be .*GlobalAveragePolling"
    with pytest.raises(ValueError, match=message):
        write_runs(load(study, tmp_path, **options))


def test_classes_of_data_and_heads_are_compared_before_anything_runs(
    study, tmp_path, image_folder
):
    options = {'options.model.head.num_classes': 6}
    message = "variant 'plain': model.head.num_classes=6, but the train set has 2 cl"
    with pytest.raises(ValueError, match=message):
        write_runs(load(study, tmp_path, **options))
    (image_folder / 'val' / 'dark').rename(image_folder / 'val' / 'night')
    message = "variant 'plain': class 0 of the test set is 'light', but 'dark' in"
    with pytest.raises(ValueError, match=message):
        write_runs(load(study, tmp_path))


def test_metric_that_is_not_computed_is_refused_before_anything_runs(study, tmp_path):
    message = r"metric='acuracy/top1' is not computed by its val_eval.*\['accuracy'\]"
    with pytest.raises(ValueError, match=message):
        write_runs(load(study, tmp_path, metric='acuracy/top1'))


def test_moved_data_and_work_dir_are_taken_up_with_their_new_places(
    study, tmp_path, image_folder
):
    (run,) = write_runs(load(study, tmp_path, **ONE_RUN))
    settings, split = run.settings.read_text(), tmp_path / 'out' / 'split'
    lists = [path.read_text() for path in sorted(split.iterdir())]
    shutil.move(image_folder, tmp_path / 'elsewhere')
    shutil.move(tmp_path / 'out', tmp_path / 'moved')
    options = {'data.root': str(tmp_path / 'elsewhere')}
    options['work_dir'] = str(tmp_path / 'moved')
    (run,) = write_runs(load(study, tmp_path, **ONE_RUN, **options))
    cfg = Config.fromfile(run.config)
    train, test = cfg.train_dataloader.dataset, cfg.test_dataloader.dataset
    assert train.data_root == str(tmp_path / 'elsewhere' / 'train')
    assert train.ann_file == str(tmp_path / 'moved' / 'split' / 'train.txt')
    assert test.data_root == str(tmp_path / 'elsewhere' / 'val')
    assert run.settings.read_text() == settings
    moved = (tmp_path / 'moved' / 'split').iterdir()
    assert [path.read_text() for path in sorted(moved)] == lists


def test_study_without_data_warns_if_the_test_images_select_checkpoints(
    study, tmp_path, image_folder, capsys
):
    folders = dict(train='train', val='val', test='val')
    options = {
        **ONE_RUN,
        'data': None,
        'options': {
            f'{split}_dataloader.dataset.data_root': str(image_folder / folder)
            for split, folder in folders.items()
        },
    }
    write_runs(load(study, tmp_path, **options))
    warning = "The test images of ['plain'] are the validation images"
    assert warning in capsys.readouterr().out
    write_images(image_folder / 'other', per_class=3)
    options['options'] |= {
        'test_dataloader.dataset.data_root': str(image_folder / 'other')
    }
    write_runs(load(study, tmp_path, **options, work_dir=str(tmp_path / 'new')))
    assert 'validation images' not in capsys.readouterr().out


def test_search_tests_on_the_images_held_out_for_validation(
    study, tmp_path, image_folder, capsys
):
    shutil.rmtree(image_folder / 'val')  # test images are not needed
    (run,) = write_runs(load(study, tmp_path, **ONE_RUN, **{'data.test': None}))
    cfg = Config.fromfile(run.config)
    assert cfg.test_dataloader.dataset.data_root == str(image_folder / 'train')
    lists = [cfg[f'{name}_dataloader'].dataset.ann_file for name in ('val', 'test')]
    assert lists == [str(tmp_path / 'out' / 'split' / 'val.txt')] * 2
    assert cfg.train_dataloader.dataset.ann_file != lists[0]
    assert "test images of ['plain'] are the validation" in capsys.readouterr().out


def test_other_images_in_the_same_place_are_refused(study, tmp_path, image_folder):
    (run,) = write_runs(load(study, tmp_path, **ONE_RUN))
    (run.work_dir / 'epoch_1.pth').touch()
    with open(image_folder / 'val' / 'dark' / '000.png', 'ab') as file:
        file.write(b'0')
    message = 'plain/seed0 belongs to a run with other .*seed0.json; restore them,'
    with pytest.raises(ValueError, match=message):
        write_runs(load(study, tmp_path, **ONE_RUN))


def test_files_are_written_whole_and_only_once(study, tmp_path, monkeypatch):
    def _kill(*_):
        raise KeyboardInterrupt

    loaded = load(study, tmp_path, **ONE_RUN)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr('os.replace', _kill)
        write_runs(loaded)
    assert not (tmp_path / 'out' / 'split' / 'train.txt').exists()
    runs = write_runs(loaded)
    files = [*(tmp_path / 'out' / 'split').iterdir(), *(run.config for run in runs)]
    assert len(files) == 3
    before = [file.stat() for file in files]
    assert write_runs(loaded) == runs
    assert [file.stat() for file in files] == before


def test_option_that_replaces_a_field_does_so_for_every_seed(study, tmp_path):
    neck = dict(_delete_=True, type='GeneralizedMeanPooling', p=2.0)
    loaded = load(study, tmp_path, **{'options.model.neck.mode': 'old'})
    loaded.variants.wide.options = {'model': dict(neck=neck)}
    necks = [run_config(loaded, 'wide', seed).model.neck for seed in (0, 4)]
    assert necks == [dict(type='GeneralizedMeanPooling', p=2.0)] * 2


def test_study_on_the_base_of_another_changes_adds_and_leaves_out(study, tmp_path):
    leaf = study.with_name('leaf.py')
    leaf.write_text(
        "_base_ = './my_study.py'\n"
        "variants = {'plain': None, 'wide': dict(options={'model.head.topk': (5,)}),\n"
        f"            'new': dict(config='{CONFIG}')}}\n"
        "control = 'new'\n"
    )
    loaded = load(leaf, tmp_path)
    assert list(loaded.variants) == ['wide', 'new']
    head = run_config(loaded, 'wide', 0).model.head
    assert (head.in_channels, head.topk) == (99, (5,))
    assert load_study(leaf).work_dir == 'work_dirs/leaf'


def test_work_dir_is_named_after_the_study(study):
    assert load_study(study).work_dir == 'work_dirs/my_study'


INVALID = [
    ({'sead': 1}, r"unknown fields \['sead'\]"),
    ({'seeds': ()}, r'seeds=\(\) must be a list of distinct integers'),
    ({'seeds': (1, 1)}, r'seeds=.1, 1. must be a list of distinct integers'),
    ({'seeds': 3}, r'seeds=3 must be a list of distinct integers'),
    ({'control': 'x'}, r"control='x' .*\['plain', 'wide'\]"),
    ({'variants.plain': None}, r"control='plain' .*\['wide'\]"),
    ({'variants.a/b': {'config': 'x'}}, r"variants=\['a/b'\]"),
    ({'variants': {'..': {}, '.a': {}, 'split': {}}}, r"'\.\.', '\.a', 'split'\]"),
    ({'variants': {'configs': {}, 'a\n': {}}}, r"'configs', 'a.n'\]"),
    ({'variants.plain.config': 1}, 'config=1 must be a path'),
    ({'work_dir': 3}, 'work_dir=3 must be of type str'),
    ({'metric': 3}, 'metric=3 must be of type str'),
    ({'options': 3}, 'options=3 must be of type dict'),
    ({'variants.plain.seed': 1}, r"variant 'plain' has \['config', 'seed'\]"),
]


def test_invalid_study_is_refused(study):
    for options, message in INVALID:
        with pytest.raises(ValueError, match=message):
            load_study(study, options)


def test_study_without_a_control_is_refused(study):
    study.write_text(study.read_text().replace("control = 'plain'", ''))
    with pytest.raises(ValueError, match=r"missing fields \['control'\]"):
        load_study(study)


INVALID_OPTIONS = [
    ({'data.rot': 'x'}, "'rot': 'x'"),
    ({'data': dict(_delete_=True, test='x')}, "must be a dict with 'root'"),
    ({'data': 'x'}, "data='x' must be a dict"),
    ({'options.trian_cfg': dict(max_epochs=1)}, 'trian_cfg'),
    ({'variants.wide.options': {'param_scheduler.9.type': 'x'}}, "variant 'wide'"),
    ({'data.val_fraction': 1.5}, 'val_fraction=1.5 must be in'),
    ({'data.val_fraction': 'x'}, "data.val_fraction='x' must be of type float"),
    ({'data.per_class': 99}, 'per_class=99 must be in 1 to 12, .* of class 0'),
    ({'data.test': 'train'}, "data.test='train' is the folder of the training im"),
    ({'data.test': 'val/../train'}, 'is the folder of the training images'),
    ({'data.split_seed': 'x'}, "data.split_seed='x' must be of type int"),
]


def test_invalid_options_are_refused_before_anything_runs(study, tmp_path):
    for options, message in INVALID_OPTIONS:
        with pytest.raises(ValueError, match=message):
            write_runs(load(study, tmp_path, **options))


MISSING = [
    ({'data.root': 'no/such'}, 'no/such/train is not a folder'),
    (
        {'data.test': 'gone'},
        r'/gone is not a folder; set data\.test to .* data\.test=val',
    ),
    ({'variants.wide.config': 'gone.py'}, 'gone.py'),
]


def test_missing_files_are_refused_before_anything_runs(study, tmp_path):
    for options, message in MISSING:
        with pytest.raises(FileNotFoundError, match=message):
            write_runs(load(study, tmp_path, **options))


def test_file_that_is_no_study_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="config='.*/gone.py' does not exist"):
        load_study(tmp_path / 'gone.py')
    (tmp_path / 'torn.py').write_text('variants = dict(')
    with pytest.raises(ValueError, match="torn.py' cannot be read .*SyntaxError"):
        load_study(tmp_path / 'torn.py')


def test_options_of_a_variant_override_the_data_and_the_seed_overrides_all(
    study, tmp_path
):
    loaded = load(study, tmp_path, **{'options.randomness.seed': 9})
    loaded.variants.wide.options = {
        'randomness.seed': 8,
        'train_dataloader.dataset.ann_file': 'few.txt',
    }
    data = {'train_dataloader.dataset': dict(ann_file='all.txt')}
    cfg = run_config(loaded, 'wide', 4, data)
    assert cfg.train_dataloader.dataset.ann_file == 'few.txt'
    assert cfg.randomness.seed == 4
    assert run_config(loaded, 'plain', 4, data).train_dataloader.dataset.ann_file == (
        'all.txt'
    )


def test_split_seed_and_fraction_choose_the_validation_images(study, tmp_path):
    def _held_out(**data):
        options = {f'data.{name}': value for name, value in data.items()}
        write_runs(load(study, tmp_path, work_dir=str(tmp_path / str(data)), **options))
        return (tmp_path / str(data) / 'split' / 'val.txt').read_text().splitlines()

    first = _held_out()
    assert _held_out(split_seed=0) == first != _held_out(split_seed=1)
    assert (len(first), len(_held_out(val_fraction=0.5))) == (8, 16)
