import os

import pytest
import torch
from mmengine.config import Config

from mmadf.engine import launch


def touch(path, age, whole=True):
    torch.save(dict(epoch=1), path) if whole else path.write_bytes(b'PK torn')
    os.utime(path, (1000 - age, 1000 - age))


def test_latest_is_the_one_named(tmp_path):
    touch(tmp_path / 'epoch_1.pth', age=2)
    touch(tmp_path / 'epoch_2.pth', age=1)
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'epoch_1.pth'))
    assert launch.latest_checkpoint(tmp_path) == str(tmp_path / 'epoch_1.pth')


@pytest.mark.parametrize('named', ['', 'epoch_3.pth', 'gone.pth', None])
def test_torn_or_missing_falls_back_to_the_newest_whole_one(tmp_path, named):
    touch(tmp_path / 'epoch_1.pth', age=3)
    touch(tmp_path / 'epoch_2.pth', age=2)
    touch(tmp_path / 'epoch_3.pth', age=1, whole=False)
    if named is not None:
        text = str(tmp_path / named) if named else ''
        (tmp_path / 'last_checkpoint').write_text(text)
    assert launch.latest_checkpoint(tmp_path) == str(tmp_path / 'epoch_2.pth')


def test_no_checkpoint_means_a_fresh_start(tmp_path):
    cfg = Config(dict(work_dir=str(tmp_path / 'new')))
    launch.resume_from_latest(cfg)
    assert (cfg.resume, cfg.load_from) == (True, None)


def test_loaders_without_workers_do_not_persist_them():
    cfg = Config(
        dict(
            train_dataloader=dict(num_workers=0),
            val_dataloader=dict(num_workers=2, pin_memory=True),
            test_dataloader=None,
        )
    )
    launch.set_dataloader_defaults(cfg, pin_memory=None)
    assert cfg.train_dataloader.persistent_workers is False
    assert cfg.val_dataloader.persistent_workers is True
    assert cfg.val_dataloader.pin_memory is True
    assert cfg.train_dataloader.collate_fn.type == 'default_collate'
    launch.set_dataloader_defaults(cfg, pin_memory=False, persistent_workers=False)
    assert cfg.val_dataloader.pin_memory is False
    assert cfg.val_dataloader.persistent_workers is False
    assert cfg.test_dataloader is None


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)


def test_amp_without_gpu_says_so(no_gpu):
    with pytest.raises(ValueError, match='--amp needs a GPU'):
        launch.enable_amp(Config(dict(optim_wrapper=dict())))


def test_slurm_without_gpu_names_the_way(no_gpu):
    with pytest.raises(ValueError, match="launcher='slurm' needs a GPU.*dist_train"):
        launch.join_cpu_processes(Config(dict(launcher='slurm')))


@pytest.mark.parametrize(
    ('strategy', 'expected'),
    [
        (None, dict(type='DDPStrategy')),
        (dict(type='DDPStrategy', sync_bn='torch'), dict(sync_bn='torch')),
    ],
)
def test_strategies_get_the_wrapper_of_cpu_processes(strategy, expected, monkeypatch):
    monkeypatch.setattr(torch.distributed, 'init_process_group', lambda *a, **k: None)
    env = dict(dist_cfg=dict(backend='nccl'))
    cfg = Config(dict(launcher='pytorch', runner_type='FlexibleRunner', env_cfg=env))
    if strategy:
        cfg.strategy = strategy
    launch.join_cpu_processes(cfg)
    assert cfg.strategy.model_wrapper.device_ids is None
    assert {**cfg.strategy, **expected} == cfg.strategy
    assert 'model_wrapper_cfg' not in cfg
