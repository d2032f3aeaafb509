"""From a config to a Runner in processes that fit the machine."""

import gc
from datetime import timedelta
from typing import Sequence

import torch
from mmengine.config import Config
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from .preflight import check_config, is_flexible


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
