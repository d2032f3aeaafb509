import os
import weakref
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.model import MMDistributedDataParallel
from mmengine.runner import EpochBasedTrainLoop
from torch import nn
from torch.utils.data import DataLoader

from mmadf.engine import launch
from mmadf.registry import MODELS
from tests.helpers import adf_cfg


def test_other_launchers_than_torchrun_and_slurm_are_refused_on_a_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    cfg = Config(dict(model=dict(), launcher='mpi'))
    with pytest.raises(ValueError, match="launcher='mpi'.*dist_train"):
        launch.build_runner(cfg, splits=())


def test_processes_on_cpus_are_joined_without_a_backend_in_the_config(monkeypatch):
    joined = []
    monkeypatch.setattr(
        torch.distributed,
        'init_process_group',
        lambda name, timeout: joined.append(name),
    )
    cfg = Config(dict(model=dict(), launcher='pytorch'))
    launch.join_cpu_processes(cfg)
    assert joined == ['gloo']
    assert cfg.env_cfg == dict(dist_cfg=dict(backend='gloo'))


def runner_cfg(tmp_path, **changes):
    cfg = dict(
        model=adf_cfg(),
        work_dir=str(tmp_path),
        env_cfg=dict(),
        default_scope='mmpretrain',
        activation_checkpointing=['backbone'],
    )
    return Config({**cfg, **changes})


def test_checkpointing_without_effect_is_refused_before_training(tmp_path):
    with pytest.raises(ValueError, match="activation_checkpointing='backbone'"):
        launch.build_runner(runner_cfg(tmp_path), splits=('train',))
    launch.build_runner(runner_cfg(tmp_path), splits=('test',))


def test_a_test_does_not_replace_the_config_of_the_training(tmp_path):
    runner_cfg(tmp_path, activation_checkpointing=None).dump(tmp_path / 'net.py')
    work_dirs = [str(tmp_path / name) for name in ('trained', 'tested')]
    for splits, readout, folders in [
        (('train',), 'semantic', work_dirs[:1]),
        (('test',), 'sum', work_dirs),
    ]:
        for folder in folders:
            cfg = Config.fromfile(tmp_path / 'net.py')
            cfg.merge_from_dict({'model.readout': readout, 'work_dir': folder})
            runner = launch.build_runner(cfg, splits)
            if splits == ('train',):
                runner.write_config()
    written = [Config.fromfile(f'{folder}/net.py') for folder in work_dirs]
    assert [cfg.model.readout for cfg in written] == ['semantic', 'sum']


def test_config_is_written_by_the_start_of_training_for_new_runs(tmp_path):
    runner_cfg(tmp_path, activation_checkpointing=None).dump(tmp_path / 'net.py')
    cfg = Config.fromfile(tmp_path / 'net.py')
    cfg.work_dir = str(tmp_path / 'work')
    runner = launch.build_runner(cfg, splits=('train',))
    runner.cfg.resume, runner.cfg.load_from = True, 'epoch_1.pth'
    written = tmp_path / 'work' / 'net.py'
    assert not written.exists()
    runner.write_config('start.pth')
    found = Config.fromfile(written)
    assert (found.resume, found.load_from) == (False, 'start.pth')
    assert found.model == cfg.model
    assert runner.cfg.resume is True


def test_functions_of_the_start_are_called_once():
    calls = []
    hook = launch.StartHook(lambda: calls.append(0))
    hook.before_train_epoch(None)
    hook.before_val_epoch(None)
    assert calls == [0]


def test_a_runner_that_builds_its_network_later_is_built(tmp_path):
    strategy = dict(type='SingleDeviceStrategy')
    cfg = runner_cfg(tmp_path, runner_type='FlexibleRunner', strategy=strategy)
    runner = launch.build_runner(cfg, splits=('train',))
    assert type(runner).__name__ == 'FlexibleRunner'


@pytest.fixture
def build_train_loop():
    """Return this method of a Runner that reads one image."""
    runner = object.__new__(launch.QuietRunner)
    runner._train_dataloader = DataLoader([0])
    return runner.build_train_loop


@pytest.mark.parametrize(
    'kind',
    [
        dict(by_epoch=True),
        dict(type='EpochBasedTrainLoop'),
        dict(type='mmengine.EpochBasedTrainLoop'),
        dict(type=EpochBasedTrainLoop),
    ],
)
def test_training_by_epochs_can_start_within_an_epoch(kind, build_train_loop):
    loop = build_train_loop(dict(kind, max_epochs=7))
    loop.start_at(3)
    assert (loop.max_epochs, loop.first_batch) == (7, 3)


@pytest.mark.parametrize('kind', ['by_epoch', 'type'])
def test_other_train_loops_are_those_of_the_config(kind, build_train_loop):
    kinds = dict(by_epoch=False, type='IterBasedTrainLoop')
    loop = build_train_loop({kind: kinds[kind], 'max_iters': 7})
    assert type(loop).__name__ == 'IterBasedTrainLoop'


TASK = dict(
    SLURM_JOB_ID='1234',
    SLURM_STEP_ID='2',
    SLURM_STEP_NODELIST='node[3-4]',
    SLURM_STEP_NUM_TASKS='16',
    SLURM_PROCID='9',
    SLURM_LOCALID='1',
)


@pytest.fixture
def scontrol(tmp_path, monkeypatch):
    """Put a stand-in for scontrol on PATH that prints the hosts of a list."""

    def _scontrol(script):
        path = tmp_path / 'scontrol'
        path.write_text(f'#!/bin/sh\n{script}\n')
        path.chmod(0o755)
        monkeypatch.setenv('PATH', f'{tmp_path}:{os.environ["PATH"]}')

    return _scontrol


def test_task_of_slurm_joins_the_process_on_the_first_node_of_its_step(scontrol):
    scontrol('[ "$*" = "show hostnames node[3-4]" ] && echo node3 && echo node4')
    assert launch.slurm_environment(TASK) == dict(
        RANK='9',
        LOCAL_RANK='1',
        WORLD_SIZE='16',
        MASTER_ADDR='node3',
        MASTER_PORT='22342',
    )


def test_address_and_port_of_the_environment_are_kept(scontrol):
    scontrol('exit 1')
    given = dict(MASTER_ADDR='10.0.0.1', MASTER_PORT='29500')
    found = launch.slurm_environment({**TASK, **given})
    assert found['MASTER_PORT'] == '29500' and 'MASTER_ADDR' not in found


def test_task_that_srun_has_not_started_is_refused():
    with pytest.raises(ValueError, match='SLURM_JOB_ID is not set.*slurm_train.sh'):
        launch.slurm_environment({})


def test_failure_of_scontrol_is_reported(scontrol):
    scontrol('echo unknown host >&2; exit 1')
    with pytest.raises(ValueError, match='unknown host; set MASTER_ADDR'):
        launch.slurm_environment(TASK)


class Cycle:
    """Reachable from itself, as MMEngine's Runner, so that only gc frees it."""

    def __init__(self, model):
        self.model, self.me = model, self


def test_leaving_frees_the_process_group_and_its_threads(tmp_path):
    torch.distributed.init_process_group(
        'gloo', init_method=f'file://{tmp_path}/store', rank=0, world_size=1
    )
    group = weakref.ref(torch.distributed.distributed_c10d._get_default_group())
    runner = Cycle(
        MMDistributedDataParallel(MODELS.build(adf_cfg()), broadcast_buffers=False)
    )
    model = weakref.ref(runner.model)
    del runner
    launch.leave_processes()
    assert not torch.distributed.is_initialized()
    assert model() is None
    assert group() is None
    launch.leave_processes()  # without a group there is nothing to do


def test_persistent_workers_of_all_loops_are_ended():
    loaders = [
        DataLoader([0, 1], num_workers=1, persistent_workers=True) for _ in range(3)
    ]
    assert [len(list(loader)) for loader in loaders] == [2, 2, 2]
    workers = [loader._iterator._workers[0] for loader in loaders]
    train, val, test = (SimpleNamespace(dataloader=loader) for loader in loaders)
    launch.end_workers(
        SimpleNamespace(_train_loop=train, _val_loop=val, _test_loop=test)
    )
    assert [worker.exitcode for worker in workers] == [0, 0, 0]


def test_loops_that_are_not_built_or_have_no_workers_are_left_alone():
    alone = SimpleNamespace(dataloader=DataLoader([0, 1]))
    launch.end_workers(
        SimpleNamespace(_train_loop=alone, _val_loop=None, _test_loop=dict())
    )


@pytest.mark.parametrize('field', ['max_epochs', 'max_iters', 'val_interval'])
def test_length_of_training_below_1_is_refused(field):
    cfg = Config(dict(model=dict(), train_cfg={field: -1}))
    with pytest.raises(ValueError, match=f'train_cfg.{field}=-1 must be at least 1'):
        launch.build_runner(cfg, splits=())


def test_long_messages_are_printed_to_the_log_file_only(tmp_path, capsys):
    runner = launch.QuietRunner(
        nn.Linear(1, 1),
        str(tmp_path),
        cfg=Config({f'key_{index}': index for index in range(30)}),
        experiment_name=str(tmp_path),
    )
    runner.logger.warning('\n' * 50 + 'long warning')
    shown = capsys.readouterr().out
    (log,) = tmp_path.glob('*/*.log')
    assert 'key_29 = 29' in log.read_text()
    assert 'key_29' not in shown
    assert 'long warning' in shown


def test_rank_is_known_before_the_processes_are_joined(monkeypatch):
    monkeypatch.setenv('SLURM_PROCID', '3')
    ranks = [launch.rank_of_process(name) for name in ('none', 'pytorch', 'slurm')]
    assert ranks == [0, 0, 3]
