"""From a config and command-line choices to a Runner that fits the machine."""

import gc
import os
import zipfile
from copy import deepcopy
from datetime import timedelta
from glob import escape, glob
from pathlib import Path
from typing import Optional, Sequence, Union

import torch
from mmengine.config import Config, ConfigDict
from mmengine.logging import print_log
from mmengine.registry import RUNNERS
from mmengine.runner import Runner, find_latest_checkpoint

from .preflight import check_config, is_flexible

SPLITS = ('train', 'val', 'test')


def build_runner(cfg: Config, splits: Sequence[str]) -> Runner:
    """Check a config, prepare the processes and build its Runner.

    Args:
        cfg: config with `launcher` and `work_dir` set.
        splits: data sets that will be read, of 'train', 'val' and 'test'.

    Raises:
        ValueError: unknown keys or a launcher that the machine cannot serve.
        FileNotFoundError: a data folder that does not exist.
    """
    check_config(cfg, splits)
    if cfg.get('launcher', 'none') != 'none' and not torch.cuda.is_available():
        join_cpu_processes(cfg)
    return RUNNERS.build(cfg) if 'runner_type' in cfg else Runner.from_cfg(cfg)


def join_cpu_processes(cfg: Config) -> None:
    """Start gloo for a distributed job without GPU, and adapt `cfg` to it.

    MMEngine chooses a CUDA device before it creates the process group and hands
    it to DistributedDataParallel; neither works on a CPU. So the group is created
    here, and the model wrapper is named in the config.

    Args:
        cfg: changed in place: the backend and `model_wrapper_cfg`, or, for
            MMEngine's FlexibleRunner, the wrapper of its `DDPStrategy`.

    Raises:
        ValueError: another launcher than torchrun.
    """
    if cfg.launcher != 'pytorch':
        raise ValueError(
            f'launcher={cfg.launcher!r} needs a GPU, and none is visible; without GPU '
            'use tools/dist_train.sh or tools/dist_test.sh (launcher=pytorch).'
        )
    dist_cfg = cfg.setdefault('env_cfg', {}).setdefault('dist_cfg', {})
    dist_cfg.backend = 'gloo'
    timeout = timedelta(seconds=dist_cfg.get('timeout', 1800))
    torch.distributed.init_process_group('gloo', timeout=timeout)
    wrapper = dict(
        type='MMDistributedDataParallel',
        device_ids=None,
        broadcast_buffers=False,
        find_unused_parameters=cfg.get('find_unused_parameters', False),
    )
    if not is_flexible(cfg):
        cfg.setdefault('model_wrapper_cfg', wrapper)
        return
    cfg.setdefault('strategy', dict(type='DDPStrategy'))
    if cfg.strategy.type == 'DDPStrategy':
        cfg.strategy.setdefault('model_wrapper', wrapper)


def leave_processes() -> None:
    """End the process group, if there is one, when no Runner is needed any more.

    Call it when nothing refers to the Runner: its DistributedDataParallel holds the
    group, whose threads must end before the interpreter does, or they abort it.
    """
    if not torch.distributed.is_available() or not torch.distributed.is_initialized():
        return
    torch.distributed.barrier()
    gc.collect()  # the Runner is part of reference cycles
    torch.distributed.destroy_process_group()


def enable_amp(cfg: Config) -> None:
    """Train with automatic mixed precision.

    Raises:
        ValueError: without GPU, where MMEngine's AmpOptimWrapper cannot work.
    """
    if not torch.cuda.is_available():
        raise ValueError(
            '--amp needs a GPU, and none is visible; leave it out to train in float32.'
        )
    cfg.optim_wrapper.type = 'AmpOptimWrapper'
    cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')


def set_dataloader_defaults(cfg: Config, **forced: Optional[bool]) -> None:
    """Give each dataloader the defaults of MMPretrain's scripts.

    Workers persist only where there are any, and memory is pinned only for a GPU.

    Args:
        cfg: changed in place; what a dataloader sets itself stays.
        forced: fields of the dataloaders to set in any case; None is no choice.
    """
    forced = {name: value for name, value in forced.items() if value is not None}
    for split in SPLITS:
        field = f'{split}_dataloader'
        if cfg.get(field) is None:
            continue
        defaults = ConfigDict(
            pin_memory=torch.cuda.is_available(),
            persistent_workers=True,
            collate_fn=dict(type='default_collate'),
        )
        cfg[field] = {**defaults, **deepcopy(cfg[field]), **forced}
        if not cfg[field].get('num_workers'):
            cfg[field].persistent_workers = False


def resume_from_latest(cfg: Config) -> None:
    """Resume from the newest whole checkpoint in `cfg.work_dir`, else start anew."""
    cfg.resume = True
    cfg.load_from = latest_checkpoint(cfg.work_dir)


def latest_checkpoint(work_dir: str) -> Optional[str]:
    """Return the newest checkpoint of a work directory that is whole.

    Args:
        work_dir: folder of a training run.

    Returns:
        The path that `last_checkpoint` names, or, where that file or the
        checkpoint is missing or torn, the newest epoch_*.pth or iter_*.pth that is
        whole; None without any.
    """
    named = None
    if os.path.exists(os.path.join(work_dir, 'last_checkpoint')):
        named = find_latest_checkpoint(work_dir)
    folder = escape(str(work_dir))
    saved = glob(f'{folder}/epoch_*.pth') + glob(f'{folder}/iter_*.pth')
    by_age = sorted(saved, key=os.path.getmtime, reverse=True)
    for path in filter(None, [named, *by_age]):
        if zipfile.is_zipfile(path):
            return path
        print_log(f'{path} is missing or torn, looking for another', 'current')
    return None


def best_checkpoint(work_dir: Union[str, Path]) -> Optional[str]:
    """Return the newest `best_*.pth` of a work directory, None without any."""
    return max(
        glob(f'{escape(str(work_dir))}/best_*.pth'), key=os.path.getmtime, default=None
    )


def default_work_dir(config: str) -> str:
    """Return the work directory of a config file that names none."""
    return str(Path('work_dirs') / Path(config).stem)
