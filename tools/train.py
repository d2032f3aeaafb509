"""Train a classifier: python tools/train.py CONFIG [--work-dir DIR] [--resume] ..."""

import argparse

from mmengine.config import Config

from mmadf.engine import config, launch
from mmadf.engine.work_dir import latest_checkpoint
from mmadf.utils.command_line import report_invalid_input
from mmadf.weights.load import read_config


def parse_args() -> argparse.Namespace:
    """Parse the command line; the options are those of MMPretrain."""
    parser = argparse.ArgumentParser(description='Train a classifier')
    parser.add_argument('config', help='config file')
    config.add_arguments(parser)
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CHECKPOINT',
        help='resume training; without a path, from the newest complete checkpoint of '
        'the work directory, if there is one',
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
        cfg.setdefault('auto_scale_lr', {}).enable = True
    config.merge_options(cfg, args.cfg_options)
    if args.amp:
        config.enable_amp(cfg)
    config.set_dataloader_defaults(
        cfg,
        pin_memory=not args.no_pin_memory,
        persistent_workers=not args.no_persistent_workers,
    )
    if args.resume:
        auto = args.resume == 'auto'
        cfg.resume = True
        cfg.load_from = latest_checkpoint(cfg.work_dir) if auto else args.resume
    return cfg


def main() -> None:
    """Train."""
    args = parse_args()
    with report_invalid_input() as start_work:
        cfg = merge_args(read_config(args.config), args)
        runner = launch.build_runner(cfg, splits=('train', 'val'))
        runner.register_hook(launch.StartHook(start_work))
        runner.train()
    del runner
    launch.leave_processes()


if __name__ == '__main__':
    main()
