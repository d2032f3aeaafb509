"""Train a classifier: python tools/train.py CONFIG [--work-dir DIR] [--resume] ..."""

import argparse
import os
import sys
from functools import partial
from typing import Optional

from mmengine.config import Config
from mmengine.logging import print_log

from mmadf.engine import config, launch
from mmadf.engine.data_roots import check_data_loader
from mmadf.engine.hooks.preemption import PreemptionHook, TrainingInterrupted
from mmadf.engine.reserve import Reservation
from mmadf.engine.resume import ResumeHook
from mmadf.engine.work_dir import latest_checkpoint
from mmadf.utils.command_line import report_invalid_input
from mmadf.weights.load import read_config


def parse_args() -> argparse.Namespace:
    """Parse the command line; the options are those of MMPretrain."""
    parser = argparse.ArgumentParser(description='Train a classifier')
    parser.add_argument('config', help='config file')
    config.add_arguments(parser)
    earlier = parser.add_mutually_exclusive_group()
    earlier.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CHECKPOINT',
        help='resume training; without a path, from the newest whole checkpoint of the '
        'work directory, if there is one',
    )
    earlier.add_argument(
        '--overwrite',
        action='store_true',
        help='remove the checkpoints and logs of an earlier run in the work directory',
    )
    parser.add_argument(
        '--no-validate', action='store_true', help='do not validate during training'
    )
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help='scale the learning rate by the actual over the base batch size',
    )
    parser.add_argument(
        '--no-persistent-workers',
        action='store_true',
        help='restart the workers of data loaders in each epoch',
    )
    return parser.parse_args()


def merge_args(cfg: Config, args: argparse.Namespace) -> Config:
    """Apply the command line to a config, which is modified in place."""
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    config.set_launcher(cfg, args)
    if args.auto_scale_lr:
        cfg.merge_from_dict({'auto_scale_lr.enable': True})
    config.merge_options(cfg, args.cfg_options)
    if args.amp:
        config.enable_amp(cfg)
    config.set_dataloader_defaults(
        cfg,
        pin_memory=not args.no_pin_memory,
        persistent_workers=not args.no_persistent_workers,
    )
    if args.resume:
        cfg.resume = True
    return cfg


def find_checkpoint(cfg: Config, resume: Optional[str]) -> Optional[str]:
    """Set the checkpoint to resume from; if there is none, start anew.

    Args:
        cfg: config, modified in place.
        resume: path, 'auto' for the newest checkpoint of the work directory, or None
            if the command line does not say.

    Returns:
        The weights that a run which is not resumed starts from, if any.

    Raises:
        ValueError: the path is a directory, which only FlexibleRunner writes.
    """
    initial = cfg.get('load_from')
    if not cfg.get('resume'):
        return initial
    if resume not in ('auto', None):
        cfg.load_from = resume
    elif resume == 'auto' or not initial:
        newest = latest_checkpoint(cfg.work_dir)
        cfg.load_from, cfg.resume = newest or initial, bool(newest)
        if newest is None:
            print_log(f'Nothing to resume in {cfg.work_dir}: training starts anew.')
    else:
        initial = None  # `load_from` is the checkpoint to resume from
    if cfg.resume and os.path.isdir(cfg.load_from) and 'runner_type' not in cfg:
        raise ValueError(
            f'{cfg.load_from!r}, to resume from, is a directory; give a checkpoint, or '
            f'take the newest one in it with --work-dir {cfg.load_from} --resume.'
        )
    return initial


def train(args: argparse.Namespace) -> int:
    """Train; return the exit code, 75 if a signal has stopped the training."""
    reservation = None
    with report_invalid_input() as start_work:
        cfg = merge_args(read_config(args.config), args)
        check_data_loader(cfg, 'train')
        if launch.rank_of_process(args.launcher) == 0:
            resume = cfg.get('resume', False)
            reservation = Reservation(cfg.work_dir, resume, args.overwrite)
        load_from = find_checkpoint(cfg, args.resume)
        runner = launch.build_runner(cfg, splits=('train', 'val'))
        runner.register_hook(launch.StartHook(start_work))
        if reservation is not None:
            runner.register_hook(launch.StartHook(reservation.remove_earlier_run))
        if cfg.get('resume'):
            runner.register_hook(ResumeHook())
        if isinstance(runner, launch.QuietRunner):
            write = partial(runner.write_config, load_from)
            runner.register_hook(launch.StartHook(write))
            runner.register_hook(PreemptionHook())
        try:
            runner.train()
        except TrainingInterrupted as stop:
            return stop.code
        finally:
            launch.end_workers(runner)
    return 0


def main() -> None:
    """Train and leave the other processes."""
    code = train(parse_args())
    launch.leave_processes()
    if code:
        sys.exit(code)


if __name__ == '__main__':
    main()
