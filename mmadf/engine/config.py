"""The config of a run: what the command line adds to it, and early checks."""

import os
from argparse import ArgumentParser, Namespace
from copy import deepcopy
from difflib import get_close_matches
from inspect import signature
from typing import Iterator, Optional, Sequence

import torch
from mmengine.config import Config
from mmengine.runner import Runner

from mmadf.utils.command_line import ConfigOptions

from .data_roots import check_data_roots
from .work_dir import default_work_dir

SPLITS = ('train', 'val', 'test')
# Keys that MMEngine or the scripts read in addition to the Runner's own arguments.
EXTRA_KEYS = {
    'activation_checkpointing',
    'auto_scale_lr',
    'compile',
    'efficient_conv_bn_eval',
    'find_unused_parameters',
    'model_wrapper_cfg',
    'runner_type',
    'strategy',
    'sync_bn',
    'tta_model',
    'tta_pipeline',
}
KNOWN_KEYS = EXTRA_KEYS | set(signature(Runner.__init__).parameters) - {'self'}


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments that train.py and test.py share; the names are MMPretrain's."""
    parser.add_argument('--work-dir', help='directory for logs and checkpoints')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=ConfigOptions,
        help='override config fields, e.g. model.readout=sum train_cfg.max_epochs=10',
    )
    parser.add_argument('--amp', action='store_true', help='use mixed precision')
    parser.add_argument('--no-pin-memory', action='store_true')
    parser.add_argument(
        '--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none'
    )
    # torch.distributed.launch passes it; torchrun sets LOCAL_RANK instead.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)


def set_launcher(cfg: Config, args: Namespace) -> None:
    """Set the launcher and the work directory.

    Args:
        cfg: config, modified in place.
        args: parsed arguments of `add_arguments`, and `config`, the path of `cfg`.
    """
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    cfg.launcher = args.launcher
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or default_work_dir(args.config)


def merge_options(cfg: Config, options: Optional[dict]) -> None:
    """Merge the options of the command line into a config.

    Args:
        cfg: config, modified in place.
        options: values by dotted key, such as `model.readout`; not modified.

    Raises:
        ValueError: the first part of a key is unknown, or is a variable of the config
            file, whose value was copied into other fields when the file was read.
    """
    options = deepcopy(dict(options or {}))  # MMEngine removes `_delete_` from it
    for option in options:
        key = option.split('.')[0]
        if key in KNOWN_KEYS:
            continue
        if key not in cfg:
            _reject_near_miss(key, cutoff=0.0)
        users = [field for field in _fields(cfg) if field.endswith(f'.{key}')]
        raise ValueError(
            f'--cfg-options {option} has no effect: {key!r} is a variable of the '
            'config file, whose value has already been used; edit the file, or set '
            f'the fields that use it{": " if users else ""}{", ".join(users)}.'
        )
    cfg.merge_from_dict(options)


def enable_amp(cfg: Config) -> None:
    """Train with automatic mixed precision in float16.

    Raises:
        ValueError: no GPU is available, which MMEngine's AmpOptimWrapper needs.
    """
    if not torch.cuda.is_available():
        raise ValueError(
            '--amp needs a GPU, and none is available; use --cfg-options '
            'optim_wrapper.type=BFloat16OptimWrapper, or train in float32.'
        )
    cfg.optim_wrapper.type = 'AmpOptimWrapper'
    cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')


def set_dataloader_defaults(
    cfg: Config, pin_memory: bool = True, persistent_workers: bool = True
) -> None:
    """Give each data loader the defaults of MMPretrain's scripts.

    Args:
        cfg: config, modified in place; values that a data loader sets stay.
        pin_memory: False disables it in every data loader.
        persistent_workers: False disables them in every data loader.
    """
    for split in SPLITS:
        loader = cfg.get(f'{split}_dataloader')
        if loader is None:
            continue
        loader.setdefault('pin_memory', torch.cuda.is_available())
        loader.setdefault('persistent_workers', True)
        loader.setdefault('collate_fn', dict(type='default_collate'))
        if not pin_memory:
            loader.pin_memory = False
        # PyTorch rejects persistent workers without workers.
        if not (persistent_workers and loader.get('num_workers')):
            loader.persistent_workers = False


def check_config(cfg: Config, splits: Sequence[str]) -> None:
    """Reject misspelt or ignored keys, late schedules and missing data folders.

    Args:
        cfg: config of a Runner.
        splits: data sets that will be read, any of 'train', 'val' and 'test'.

    Raises:
        ValueError: a top-level key that closely resembles a known one, a strategy that
            MMEngine's Runner would ignore, or a schedule that would begin after the
            last epoch.
        FileNotFoundError: a `data_root` that does not exist or is empty.
        TypeError: a `data_root` that is not text.
    """
    for key in cfg:
        if key not in KNOWN_KEYS:
            _reject_near_miss(key)
    if cfg.get('strategy') and 'runner_type' not in cfg:
        raise ValueError(
            f"strategy={cfg.strategy!r} is ignored by MMEngine's Runner; set "
            "runner_type='FlexibleRunner', or remove strategy."
        )
    if 'train' in splits:
        _check_schedules(cfg)
    check_data_roots(cfg, splits)


def _check_schedules(cfg: Config) -> None:
    """Reject schedules that last until the end of training and begin after it."""
    schedules = cfg.get('param_scheduler')
    epochs = (cfg.get('train_cfg') or {}).get('max_epochs')
    for index, schedule in enumerate(schedules if isinstance(schedules, list) else ()):
        by_epoch, begin = schedule.get('by_epoch', True), schedule.get('begin', 0)
        if epochs and by_epoch and 'end' not in schedule and begin >= epochs:
            raise ValueError(
                f'param_scheduler.{index}.begin={begin} must be less than '
                f'train_cfg.max_epochs={epochs}; train for more epochs, or set '
                f'param_scheduler.{index}.begin and the end of the schedule before it '
                'to a smaller number.'
            )


def _reject_near_miss(key: str, cutoff: float = 0.9) -> None:
    """Raise if `key` resembles a known key."""
    if similar := get_close_matches(key, sorted(KNOWN_KEYS), n=1, cutoff=cutoff):
        raise ValueError(
            f'unknown config key {key!r}; did you mean {similar[0]!r}? Known keys: '
            f'{", ".join(sorted(KNOWN_KEYS))}.'
        )


def _fields(tree: dict, prefix: str = '') -> Iterator[str]:
    """Yield the dotted name of every field below the top level."""
    for key, value in tree.items():
        if prefix:
            yield f'{prefix}.{key}'
        if isinstance(value, dict):
            yield from _fields(value, f'{prefix}.{key}' if prefix else key)
