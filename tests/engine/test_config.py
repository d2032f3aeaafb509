import os
from argparse import ArgumentParser

import pytest
import torch
from mmengine.config import Config

from mmadf.engine import config
from tests.conftest import ROOT
from tests.helpers import named


def test_data_loaders_get_defaults_that_their_own_and_forced_values_override():
    cfg = Config(
        dict(
            train_dataloader=dict(num_workers=0),
            val_dataloader=dict(num_workers=2, pin_memory=True),
            test_dataloader=None,
        )
    )
    config.set_dataloader_defaults(cfg)
    assert cfg.train_dataloader.persistent_workers is False  # there are none
    assert cfg.train_dataloader.collate_fn.type == 'default_collate'
    assert cfg.val_dataloader.persistent_workers is True
    assert cfg.val_dataloader.pin_memory is True
    config.set_dataloader_defaults(cfg, pin_memory=False, persistent_workers=False)
    assert cfg.val_dataloader.pin_memory is False
    assert cfg.val_dataloader.persistent_workers is False
    assert cfg.test_dataloader is None


@pytest.mark.parametrize('gpu', [False, True])
def test_amp_is_refused_without_gpu(gpu, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: gpu)
    cfg = Config(dict(optim_wrapper=dict()))
    if gpu:
        config.enable_amp(cfg)
        assert cfg.optim_wrapper == dict(type='AmpOptimWrapper', loss_scale='dynamic')
    else:
        with pytest.raises(ValueError, match='--amp.*BFloat16OptimWrapper'):
            config.enable_amp(cfg)


@pytest.fixture(autouse=True)
def no_rank(monkeypatch):
    """Unset LOCAL_RANK before the test and restore it afterwards."""
    monkeypatch.setenv('LOCAL_RANK', '')
    monkeypatch.delenv('LOCAL_RANK')


def parse(*words):
    parser = ArgumentParser()
    parser.add_argument('config')
    config.add_arguments(parser)
    return parser.parse_args(['some/net.py', *words])


def test_work_directory_of_the_command_line_comes_before_that_of_the_config():
    for words, known, work_dir in [
        (['--work-dir', 'here'], 'there', 'here'),
        ([], 'there', 'there'),
        ([], None, 'work_dirs/net'),
    ]:
        with named((words, known)):
            cfg = Config(dict(work_dir=known))
            config.set_launcher(cfg, parse(*words, '--launcher', 'mpi'))
            assert (cfg.work_dir, cfg.launcher) == (work_dir, 'mpi')


@pytest.mark.parametrize(('known', 'rank'), [(None, '3'), ('1', '1')])
def test_rank_of_torchrun_comes_before_the_argument(known, rank, monkeypatch):
    if known:
        monkeypatch.setenv('LOCAL_RANK', known)
    config.set_launcher(Config(dict()), parse('--local_rank', '3'))
    assert os.environ['LOCAL_RANK'] == rank


def test_options_are_merged_and_not_modified():
    given = {'model': dict(head=dict(_delete_=True, type='B')), 'randomness.seed': 1}
    for _ in range(2):
        cfg = Config(dict(model=dict(head=dict(type='A', loss=1))))
        config.merge_options(cfg, given)
        assert cfg.model.head == dict(type='B')
        assert cfg.randomness.seed == 1
    config.merge_options(cfg, None)


def test_misspelt_option_is_refused():
    cfg = Config(dict(model=dict()))
    config.merge_options(cfg, {'model.readout': 'sum', 'compile': True})
    with pytest.raises(ValueError, match="'modle'.* 'model'"):
        config.merge_options(cfg, {'modle.readout': 'sum'})


def test_option_for_a_variable_of_the_file_is_refused_with_the_fields_that_use_it():
    cfg = Config.fromfile(ROOT / 'configs/adf/adf_resnet50_folder.py')
    fields = 'model.head.num_classes, data_preprocessor.num_classes'
    with pytest.raises(ValueError, match=f'num_classes has no effect: .*{fields}'):
        config.merge_options(cfg, dict(num_classes=3))
    for option in ('train_pipeline', 'plugin_hooks.checkpoint.interval'):
        with pytest.raises(ValueError, match=f'{option} has no effect'):
            config.merge_options(cfg, {option: 1})
    config.merge_options(cfg, dict.fromkeys(fields.split(', '), 3))
    assert cfg.model.head.num_classes == cfg.data_preprocessor.num_classes == 3


def loader(data_root):
    return dict(dataset=dict(type='CustomDataset', data_root=data_root))


def check(splits=(), **fields):
    fields = {**dict(model=dict(), work_dir='x', dataset_type='mine'), **fields}
    config.check_config(Config(fields), splits)


def test_variables_of_a_config_file_are_accepted():
    check(train_pipeline=[], num_things=3)


def test_misspelt_key_is_refused():
    for key, meant in [
        ('optim_wraper', 'optim_wrapper'),
        ('train_dataloder', 'train_dataloader'),
    ]:
        with named(key), pytest.raises(ValueError, match=f'{key!r}.* {meant!r}'):
            check(**{key: {}})


def test_missing_folder_of_a_data_set_that_is_read_is_refused(tmp_path):
    fields = dict(train_dataloader=loader(str(tmp_path)), val_dataloader=loader('no'))
    with pytest.raises(FileNotFoundError, match='train_.*data_root=.* is empty'):
        check(['train'], **fields)
    (tmp_path / 'a_class').mkdir()
    check(['train'], **fields)
    with pytest.raises(
        FileNotFoundError, match="val_dataloader.dataset.data_root='no'"
    ):
        check(['train', 'val'], **fields)
    wrapped = dict(dataset=dict(type='RepeatDataset', **loader('no')))
    with pytest.raises(
        FileNotFoundError, match='_dataloader.dataset.dataset.data_root'
    ):
        check(['train'], train_dataloader=wrapped)
    several = [loader(str(tmp_path))['dataset'], loader('no')['dataset']]
    wrapped = dict(dataset=dict(type='ConcatDataset', datasets=several))
    with pytest.raises(
        FileNotFoundError, match="_dataloader.dataset.datasets.1.data_root='no'"
    ):
        check(['train'], train_dataloader=wrapped)


def test_folder_that_was_read_as_a_number_is_refused_with_the_remedy(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / '2024/a_class').mkdir(parents=True)
    field = 'train_dataloader.dataset.data_root'
    given = parse('--cfg-options', f'{field}=2024').cfg_options[field]
    message = f'{field}=2024 must be text; .* as ./2024'
    with pytest.raises(TypeError, match=message):
        check(['train'], train_dataloader=loader(given))
    given = parse('--cfg-options', f'{field}=./2024').cfg_options[field]
    check(['train'], train_dataloader=loader(given))
    check(['train'], train_dataloader=loader(None))


def test_strategy_that_the_runner_would_ignore_is_refused():
    strategy = dict(type='DDPStrategy')
    check(strategy=strategy, runner_type='FlexibleRunner')
    with pytest.raises(ValueError, match="strategy=.*runner_type='FlexibleRunner'"):
        check(strategy=strategy)


def test_schedule_that_would_begin_after_the_last_epoch_is_refused():
    schedules = [dict(type='LinearLR', end=5), dict(type='CosineAnnealingLR', begin=5)]
    fields = dict(param_scheduler=schedules, train_cfg=dict(max_epochs=5))
    check(**fields)  # a test reads no schedule
    message = 'param_scheduler.1.begin=5 must be less than train_cfg.max_epochs=5'
    with pytest.raises(ValueError, match=message):
        check(['train'], **fields)
    check(['train'], **{**fields, 'train_cfg': dict(max_epochs=6)})
    schedules[1]['end'] = 9
    check(['train'], **fields)
