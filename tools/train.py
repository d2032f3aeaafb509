"""Train a classifier: python tools/train.py CONFIG [--work-dir DIR] [--resume] ..."""

import argparse

from mmengine.config import Config

from mmadf.engine import launch, options, work_dir
from mmadf.utils.command_line import report_invalid_input


def parse_args() -> argparse.Namespace:
    """Read the command line; the flags are those of MMPretrain."""
    parser = argparse.ArgumentParser(description='Train a classifier')
    parser.add_argument('config', help='config file')
    options.add_arguments(parser)
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        help='go on from this checkpoint; without a path, from the newest whole '
        'checkpoint of the work directory, if there is one',
    )
    parser.add_argument(
        '--no-validate', action='store_true', help='do not evaluate while training'
    )
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help='scale the learning rate by actual over base batch size',
    )
    parser.add_argument('--no-persistent-workers', action='store_true')
    return parser.parse_args()


def merge_args(cfg: Config, args: argparse.Namespace) -> Config:
    """Apply the command line to a config."""
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    options.set_launcher(cfg, args)
    if args.auto_scale_lr:
        cfg.setdefault('auto_scale_lr', {}).enable = True
    options.merge_options(cfg, args.cfg_options)
    if args.amp:
        options.enable_amp(cfg)
    options.set_dataloader_defaults(
        cfg,
        pin_memory=False if args.no_pin_memory else None,
        persistent_workers=False if args.no_persistent_workers else None,
    )
    if args.resume == 'auto':
        work_dir.resume_from_latest(cfg)
    elif args.resume:
        cfg.resume, cfg.load_from = True, args.resume
    return cfg


def main() -> None:
    """Train."""
    args = parse_args()
    with report_invalid_input():
        cfg = merge_args(Config.fromfile(args.config), args)
    launch.build_runner(cfg, splits=('train', 'val')).train()
    launch.leave_processes()


if __name__ == '__main__':
    main()
