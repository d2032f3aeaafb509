import os
from argparse import ArgumentParser

import pytest
import torch
from mmengine.config import Config

from mmadf.engine import options


def test_loaders_without_workers_do_not_persist_them():
    cfg = Config(
        dict(
            train_dataloader=dict(num_workers=0),
            val_dataloader=dict(num_workers=2, pin_memory=True),
            test_dataloader=None,
        )
    )
    options.set_dataloader_defaults(cfg, pin_memory=None)
    assert cfg.train_dataloader.persistent_workers is False
    assert cfg.val_dataloader.persistent_workers is True
    assert cfg.val_dataloader.pin_memory is True
    assert cfg.train_dataloader.collate_fn.type == 'default_collate'
    options.set_dataloader_defaults(cfg, pin_memory=False, persistent_workers=False)
    assert cfg.val_dataloader.pin_memory is False
    assert cfg.val_dataloader.persistent_workers is False
    assert cfg.test_dataloader is None


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)


def test_amp_without_gpu_says_so(no_gpu):
    with pytest.raises(ValueError, match='--amp needs a GPU'):
        options.enable_amp(Config(dict(optim_wrapper=dict())))


@pytest.fixture(autouse=True)
def no_rank(monkeypatch):
    """Have no LOCAL_RANK, neither before the test nor of it afterwards."""
    monkeypatch.setenv('LOCAL_RANK', '')
    monkeypatch.delenv('LOCAL_RANK')


def parse(*words):
    parser = ArgumentParser()
    parser.add_argument('config')
    options.add_arguments(parser)
    return parser.parse_args(['some/net.py', *words])


@pytest.mark.parametrize(
    ('words', 'known', 'work_dir'),
    [
        (['--work-dir', 'here'], 'there', 'here'),
        ([], 'there', 'there'),
        ([], None, 'work_dirs/net'),
    ],
)
def test_the_work_directory_is_the_nearest_one_named(words, known, work_dir):
    cfg = Config(dict(work_dir=known))
    options.set_launcher(cfg, parse(*words, '--launcher', 'mpi'))
    assert (cfg.work_dir, cfg.launcher) == (work_dir, 'mpi')


@pytest.mark.parametrize(('known', 'rank'), [(None, '3'), ('1', '1')])
def test_torchruns_rank_comes_before_the_argument(known, rank, monkeypatch):
    if known:
        monkeypatch.setenv('LOCAL_RANK', known)
    options.set_launcher(Config(dict()), parse('--local_rank', '3'))
    assert os.environ['LOCAL_RANK'] == rank


def test_options_are_merged_and_stay_as_they_are():
    given = {'model': dict(head=dict(_delete_=True, type='B')), 'randomness.seed': 1}
    for _ in range(2):
        cfg = Config(dict(model=dict(head=dict(type='A', loss=1))))
        options.merge_options(cfg, given)
        assert cfg.model.head == dict(type='B')
        assert cfg.randomness.seed == 1
    options.merge_options(cfg, None)
    with pytest.raises(ValueError, match="unknown config key 'modle'"):
        options.merge_options(cfg, {'modle.readout': 'sum'})
