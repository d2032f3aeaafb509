import pytest
import torch
from mmengine.config import Config

from mmadf.engine import launch


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)


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
