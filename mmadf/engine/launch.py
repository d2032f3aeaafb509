"""Building of a Runner from a config, in one process or several."""

import gc
import logging
import os
import subprocess
from datetime import timedelta
from typing import Callable, Dict, Mapping, Optional, Sequence, Union

import torch
from mmengine.config import Config
from mmengine.dist import is_distributed, master_only
from mmengine.hooks import Hook
from mmengine.logging import MMLogger
from mmengine.registry import RUNNERS
from mmengine.runner import BaseLoop, EpochBasedTrainLoop, Runner
from mmpretrain.utils import get_ori_model
from torch import nn

from mmadf.registry import LOOPS

from . import loops  # noqa: F401  registers
from .checkpointing import check_activation_checkpointing
from .config import check_config
from .hooks.decoupled_training import check_norm_eval
from .training_hooks import complete_hooks
from .work_dir import check_checkpoint

MAX_LINES = 20  # of messages on the screen
PORTS = range(20000, 30000)  # below those that systems give to outgoing connections
OVERRIDES = ('MASTER_ADDR', 'MASTER_PORT')
RANKS = dict(pytorch='RANK', slurm='SLURM_PROCID', mpi='OMPI_COMM_WORLD_RANK')


def build_runner(cfg: Config, splits: Sequence[str]) -> Runner:
    """Check a config, prepare the processes and build its Runner.

    Args:
        cfg: config with `launcher` and `work_dir` set; a training gets the hooks of
            `complete_hooks`, unless it sets `runner_type`.
        splits: data sets that will be read, any of 'train', 'val' and 'test'.

    Raises:
        ValueError: misspelt keys, a file that is no whole checkpoint, a length of
            training below 1, a launcher that needs a GPU where there is none,
            launcher='slurm' in a process that srun has not started, or see
            `check_norm_eval` and `check_activation_checkpointing`.
        FileNotFoundError: a data folder or checkpoint that does not exist.
    """
    check_config(cfg, splits)
    check_length(cfg)
    if cfg.get('load_from'):
        check_checkpoint(cfg.load_from)
    if cfg.get('launcher') == 'slurm':
        os.environ.update(slurm_environment(os.environ))
    if cfg.get('launcher', 'none') != 'none' and not torch.cuda.is_available():
        join_cpu_processes(cfg)
    custom = 'runner_type' in cfg
    if 'train' in splits and not custom:
        complete_hooks(cfg)
    kind = QuietRunner if 'train' in splits else EvaluationRunner
    runner = RUNNERS.build(cfg) if custom else kind.from_cfg(cfg)
    is_built = isinstance(runner.model, nn.Module)  # FlexibleRunner builds it later
    if 'train' in splits and is_built:
        check_norm_eval(runner)
        modules = cfg.get('activation_checkpointing')
        check_activation_checkpointing(get_ori_model(runner.model), modules)
    return runner


class QuietRunner(Runner):
    """MMEngine's Runner, which writes long messages to the log file only.

    These are the environment, the config of some 230 lines and the list of hooks;
    warnings and errors of any length are also printed. Training by epochs can be
    resumed within an epoch, see `ResumableTrainLoop`. The config is not written before
    training starts, see `write_config`.
    """

    def dump_config(self) -> None:
        """Do nothing: a start that is refused must not replace an earlier config."""

    @master_only
    def write_config(self, load_from: Optional[str] = None) -> None:
        """Write the config to the work directory, for runs that start anew from it.

        Args:
            load_from: weights that the run has started from, before it was resumed.
        """
        cfg = self.cfg.copy()
        cfg.load_from, cfg.resume = load_from, False
        cfg.dump(self.config_path)

    @property
    def config_path(self) -> str:
        """Path of the config in the work directory."""
        name = os.path.basename(self.cfg.filename or f'{self.timestamp}.py')
        return os.path.join(self.work_dir, name)

    def build_train_loop(self, loop: Union[BaseLoop, Dict]) -> BaseLoop:
        """Build the train loop."""
        if isinstance(loop, dict) and _is_by_epochs(loop):
            kind = 'type' if 'type' in loop else 'by_epoch'
            fields = {name: loop[name] for name in loop if name != kind}
            loop = dict(fields, type='mmadf.ResumableTrainLoop')
        return super().build_train_loop(loop)

    def build_logger(self, *args, **kwargs) -> MMLogger:
        """Build the logger and filter what it prints."""
        logger = super().build_logger(*args, **kwargs)
        for handler in logger.handlers:
            if not isinstance(handler, logging.FileHandler):
                handler.addFilter(_is_printed)
        return logger


class EvaluationRunner(QuietRunner):
    """A Runner for tests, which leaves the config of a training as it is.

    MMEngine writes the config of each Runner to the work directory. A test with other
    options, such as `model.readout=sum` or `--tta`, would replace that of the training,
    which describes the checkpoints beside it.
    """

    def dump_config(self) -> None:
        """Write the config to the work directory, unless there is one."""
        if not os.path.isfile(self.config_path):
            Runner.dump_config(self)


def _is_by_epochs(loop: Dict) -> bool:
    """Return whether the config of a train loop is one of MMEngine's loop by epochs."""
    if 'type' not in loop:
        return bool(loop.get('by_epoch'))
    kind = loop['type']
    return (LOOPS.get(kind) if isinstance(kind, str) else kind) is EpochBasedTrainLoop


def _is_printed(record: logging.LogRecord) -> bool:
    lines = record.getMessage().count('\n')
    return record.levelno >= logging.WARNING or lines <= MAX_LINES


def check_length(cfg: Config) -> None:
    """Reject a length of training, or an interval of validation, below 1.

    Raises:
        ValueError: `max_epochs`, `max_iters` or `val_interval` of `train_cfg` is not
            positive.
    """
    for field in ('max_epochs', 'max_iters', 'val_interval'):
        length = (cfg.get('train_cfg') or {}).get(field)
        if length is not None and length < 1:
            raise ValueError(f'train_cfg.{field}={length} must be at least 1.')


def rank_of_process(launcher: str) -> int:
    """Return the rank of this process, before the process group exists."""
    return int(os.environ.get(RANKS.get(launcher, ''), 0))


def slurm_environment(environ: Mapping[str, str]) -> Dict[str, str]:
    """Return the variables of torch.distributed for a task of Slurm.

    The process of rank 0 runs on the first node of the job step. Its port depends on
    the job and the step, so that several of them can share a node; MASTER_ADDR and
    MASTER_PORT override both.

    Args:
        environ: environment variables of a process that srun has started.

    Raises:
        ValueError: a variable of Slurm is missing, or scontrol fails.
    """
    try:
        job, step = int(environ['SLURM_JOB_ID']), int(environ['SLURM_STEP_ID'])
        nodes = environ['SLURM_STEP_NODELIST']
        found = dict(
            RANK=environ['SLURM_PROCID'],
            LOCAL_RANK=environ['SLURM_LOCALID'],
            WORLD_SIZE=environ['SLURM_STEP_NUM_TASKS'],
            MASTER_PORT=str(PORTS.start + (10 * job + step) % len(PORTS)),
        )
    except KeyError as error:
        raise ValueError(
            f"launcher='slurm': {error.args[0]} is not set in this process; start it "
            'with tools/slurm_train.sh or tools/slurm_test.sh.'
        ) from error
    if 'MASTER_ADDR' not in environ:
        command = ['scontrol', 'show', 'hostnames', nodes]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise ValueError(
                f'{" ".join(command)}: {done.stderr.strip()}; set MASTER_ADDR to the '
                'name of the first node.'
            )
        found['MASTER_ADDR'] = done.stdout.split()[0]
    return {k: environ.get(k, v) if k in OVERRIDES else v for k, v in found.items()}


def join_cpu_processes(cfg: Config) -> None:
    """Join the process group of a distributed job without GPUs, over gloo.

    MMEngine selects a CUDA device before it creates the process group and passes it to
    DistributedDataParallel; neither works on a CPU. The group is therefore created
    here, and the config names the model wrapper.

    Args:
        cfg: config, modified in place: the backend and `model_wrapper_cfg`.

    Raises:
        ValueError: a launcher other than torchrun and Slurm.
    """
    if cfg.launcher not in ('pytorch', 'slurm'):
        raise ValueError(
            f'launcher={cfg.launcher!r} needs a GPU, and none is available; on CPUs '
            'use tools/dist_train.sh or tools/dist_test.sh (launcher=pytorch).'
        )
    cfg.merge_from_dict({'env_cfg.dist_cfg.backend': 'gloo'})
    timeout = timedelta(seconds=cfg.env_cfg.dist_cfg.get('timeout', 1800))
    torch.distributed.init_process_group('gloo', timeout=timeout)
    wrapper = dict(
        type='MMDistributedDataParallel',
        device_ids=None,
        broadcast_buffers=False,
        find_unused_parameters=cfg.get('find_unused_parameters', False),
    )
    cfg.setdefault('model_wrapper_cfg', wrapper)


class StartHook(Hook):
    """Call a function when the Runner starts to work on batches.

    By then data sets, network and optimizer are built, checkpoints are loaded and the
    checks of other hooks have passed.

    Args:
        function: called once, without arguments, before the first epoch or evaluation.
    """

    priority = 'VERY_LOW'

    def __init__(self, function: Callable[[], None]) -> None:
        self.function = function

    def _before_epoch(self, runner: Runner, mode: str = 'train') -> None:
        function, self.function = self.function, None
        if function is not None:
            function()


def end_workers(runner: Runner) -> None:
    """End the persistent workers of the data loaders of a Runner.

    Workers that the interpreter ends cause a traceback, and those of deleted data
    loaders seconds of waiting.
    """
    for loop in (runner._train_loop, runner._val_loop, runner._test_loop):
        iterator = getattr(getattr(loop, 'dataloader', None), '_iterator', None)
        if iterator is not None:
            iterator._shutdown_workers()


def leave_processes() -> None:
    """Leave the process group, if there is one, at the end of the program.

    Call it when nothing refers to the Runner any more: DistributedDataParallel holds
    the group, and its threads abort the interpreter if they outlive it.
    """
    if is_distributed():
        torch.distributed.barrier()
        gc.collect()  # the Runner is part of reference cycles
        torch.distributed.destroy_process_group()
