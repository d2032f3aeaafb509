"""What the command line adds to a config."""

import os
from argparse import ArgumentParser, Namespace
from copy import deepcopy
from typing import Optional

import torch
from mmengine.config import Config, ConfigDict, DictAction

from .preflight import check_options
from .work_dir import default_work_dir

SPLITS = ('train', 'val', 'test')


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments that training and testing share; they are MMPretrain's."""
    parser.add_argument('--work-dir', help='folder for logs and checkpoints')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='override settings, e.g. model.readout=sum train_cfg.max_epochs=10',
    )
    parser.add_argument('--amp', action='store_true', help='mixed precision')
    parser.add_argument('--no-pin-memory', action='store_true')
    parser.add_argument(
        '--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none'
    )
    # torch.distributed.launch passes it; torchrun sets LOCAL_RANK.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)


def set_launcher(cfg: Config, args: Namespace) -> None:
    """Set launcher and work directory.

    Args:
        cfg: changed in place.
        args: those of `add_arguments`, and `config`, the file of `cfg`.
    """
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    cfg.launcher = args.launcher
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or default_work_dir(args.config)


def merge_options(cfg: Config, options: Optional[dict]) -> None:
    """Merge options that must change something.

    Args:
        cfg: changed in place.
        options: by dotted key; they stay as they are, whereas MMEngine takes
            `_delete_` out of what it merges.

    Raises:
        ValueError: the first part of a key is neither in the config nor known.
    """
    options = deepcopy(dict(options or {}))
    check_options(cfg, list(options))
    cfg.merge_from_dict(options)


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
