"""Train a classifier: python tools/train.py CONFIG [--work-dir DIR] [--resume] ..."""

import argparse
import os

from mmengine.config import Config, DictAction

from mmadf.engine import launch, preflight


def parse_args() -> argparse.Namespace:
    """Read the command line; the flags are those of MMPretrain."""
    parser = argparse.ArgumentParser(description='Train a classifier')
    parser.add_argument('config', help='config file')
    parser.add_argument('--work-dir', help='folder for logs and checkpoints')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        help='go on from this checkpoint; without a path, from the newest whole '
        'checkpoint of the work directory, if there is one',
    )
    parser.add_argument('--amp', action='store_true', help='mixed precision (GPU)')
    parser.add_argument(
        '--no-validate', action='store_true', help='do not evaluate while training'
    )
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help='scale the learning rate by actual over base batch size',
    )
    parser.add_argument('--no-pin-memory', action='store_true')
    parser.add_argument('--no-persistent-workers', action='store_true')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='override settings, e.g. model.readout=sum train_cfg.max_epochs=10',
    )
    parser.add_argument(
        '--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none'
    )
    # torch.distributed.launch passes it; torchrun sets LOCAL_RANK.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)
    args = parser.parse_args()
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    return args


def merge_args(cfg: Config, args: argparse.Namespace) -> Config:
    """Apply the command line to a config."""
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.launcher = args.launcher
    cfg.work_dir = (
        args.work_dir or cfg.get('work_dir') or launch.default_work_dir(args.config)
    )
    if args.auto_scale_lr:
        cfg.setdefault('auto_scale_lr', {}).enable = True
    if args.cfg_options:
        preflight.check_options(cfg, list(args.cfg_options))
        cfg.merge_from_dict(args.cfg_options)
    if args.amp:
        launch.enable_amp(cfg)
    launch.set_dataloader_defaults(
        cfg,
        pin_memory=False if args.no_pin_memory else None,
        persistent_workers=False if args.no_persistent_workers else None,
    )
    if args.resume == 'auto':
        launch.resume_from_latest(cfg)
    elif args.resume:
        cfg.resume, cfg.load_from = True, args.resume
    return cfg


def main() -> None:
    """Train."""
    args = parse_args()
    cfg = merge_args(Config.fromfile(args.config), args)
    launch.build_runner(cfg, splits=('train', 'val')).train()
    launch.leave_processes()


if __name__ == '__main__':
    main()
