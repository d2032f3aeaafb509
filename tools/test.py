"""Test a network.

Run: python tools/test.py CONFIG CHECKPOINT [--out FILE] ...
     python tools/test.py FOLDER --data DIR [--out FILE] ...

FOLDER is a model folder and DIR a folder of images with one subfolder per class.
"""

import argparse
from copy import deepcopy
from pathlib import Path
from typing import Optional

import mmengine
from mmengine.config import Config, ConfigDict
from mmengine.dist import is_main_process
from mmengine.evaluator import DumpResults
from mmengine.runner import Runner
from mmpretrain.utils import get_ori_model

from mmadf.analysis.pictures import PicturesHook
from mmadf.deployment.input_spec import yields_bgr
from mmadf.engine import config, launch
from mmadf.engine.data_checks import check_single_label
from mmadf.engine.data_roots import check_data_loader
from mmadf.utils.command_line import (
    add_network_arguments,
    check_writable,
    parse_network,
    report_invalid_input,
)
from mmadf.utils.types import type_name
from mmadf.weights.exact import ExactWeightsHook, add_partial_argument
from mmadf.weights.folder import is_folder
from mmadf.weights.load import (
    inner_configs,
    read_config,
    strip_pretrained,
    test_dataset,
)


def parse_args() -> argparse.Namespace:
    """Parse the command line; the options are those of MMPretrain."""
    parser = argparse.ArgumentParser(description='Test a network')
    add_network_arguments(parser)
    parser.add_argument(
        '--data', help='images to test a model folder on, one subfolder per class'
    )
    config.add_arguments(parser)
    add_partial_argument(parser)
    parser.add_argument(
        '--out',
        help='file for predictions (.pkl) or metrics (also .json, .yml)',
    )
    parser.add_argument(
        '--out-item',
        choices=['metrics', 'pred'],
        help='what to write to --out, by default predictions',
    )
    parser.add_argument('--show-dir', help='directory for images with predictions')
    parser.add_argument(
        '--show', action='store_true', help='display images with predictions'
    )
    parser.add_argument(
        '--interval', type=int, default=1, help='visualize every n-th image'
    )
    parser.add_argument(
        '--wait-time', type=float, default=2, help='seconds to display an image'
    )
    parser.add_argument(
        '--tta', action='store_true', help='test-time augmentation (flip by default)'
    )
    args = parse_network(parser)
    if is_folder(args.config) != bool(args.data):
        parser.error('--data DIR must be given for a model folder, and only for one')
    if args.interval < 1:
        parser.error(f'--interval {args.interval} must be positive')
    if args.tta and (args.show or args.show_dir):
        parser.error('--tta cannot be combined with --show and --show-dir')
    if args.out_item and not args.out:
        parser.error('--out-item needs --out FILE')
    allowed = ['.pkl', '.pickle']
    if args.out_item == 'metrics':
        allowed += ['.json', '.yml', '.yaml']
    if args.out and Path(args.out).suffix not in allowed:
        parser.error(f'--out {args.out} must end in one of {allowed}')
    return args


def merge_args(cfg: Config, args: argparse.Namespace) -> Config:
    """Apply the command line to a config, which is modified in place."""
    config.set_launcher(cfg, args)
    cfg.load_from, cfg.resume = args.checkpoint, False
    if args.data:
        cfg.test_dataloader.dataset.data_root = args.data
    if args.amp:
        cfg.test_cfg.fp16 = True
    config.merge_options(cfg, args.cfg_options)
    cfg.model = strip_pretrained(cfg.model.to_dict())
    if args.tta:
        add_tta(cfg)
    config.set_dataloader_defaults(
        cfg,
        pin_memory=not args.no_pin_memory,
        persistent_workers=False,
    )
    return cfg


def add_tta(cfg: Config) -> None:
    """Average over augmented images: by `tta_pipeline`, or the image and its flip."""
    cfg.setdefault('tta_model', dict(type='mmpretrain.AverageClsScoreTTA'))
    if 'tta_pipeline' not in cfg:
        pipeline = test_dataset(cfg).pipeline
        flips = [dict(type='RandomFlip', prob=prob) for prob in (1.0, 0.0)]
        views = dict(type='TestTimeAug', transforms=[flips, [pipeline[-1]]])
        cfg.tta_pipeline = [*deepcopy(pipeline[:-1]), views]
    cfg.model = ConfigDict(**cfg.tta_model, module=cfg.model)
    for _, dataset in inner_configs(cfg.test_dataloader.dataset):
        dataset.pipeline = cfg.tta_pipeline
    drop_ema(cfg)


def drop_ema(cfg: Config) -> None:
    """Remove EMAHook, which does not find its weights inside a TTA model.

    It would test the initial weights. A checkpoint holds the averaged weights as those
    of the network itself.
    """
    hooks = cfg.setdefault('default_hooks', {})
    for name in [name for name, hook in hooks.items() if _is_ema(hook)]:
        hooks.pop(name)
    cfg.custom_hooks = [h for h in cfg.get('custom_hooks') or [] if not _is_ema(h)]


def _is_ema(hook: Optional[dict]) -> bool:
    return type_name((hook or {}).get('type')).endswith('EMAHook')


def pictures_hook(runner: Runner, args: argparse.Namespace) -> PicturesHook:
    """Return the hook for --show and --show-dir."""
    pipeline = test_dataset(runner.cfg).get('pipeline')
    return PicturesHook(
        yields_bgr(pipeline, get_ori_model(runner.model).data_preprocessor),
        interval=args.interval,
        show=args.show,
        wait_time=args.wait_time,
        out_dir=args.show_dir,
    )


def plain_metrics(metrics: dict) -> dict:
    """Return the metrics with tensors and arrays as numbers and lists, for any file."""
    return {
        name: value.tolist() if hasattr(value, 'tolist') else value
        for name, value in metrics.items()
    }


def main() -> None:
    """Test."""
    args = parse_args()
    with report_invalid_input() as start_work:
        if args.out and launch.rank_of_process(args.launcher) == 0:
            check_writable(Path(args.out).parent)
        cfg = read_config(args.config)
        check_data_loader(cfg, 'test')
        cfg = merge_args(cfg, args)
        runner = launch.build_runner(cfg, splits=('test',))
        if args.data:
            check_single_label(get_ori_model(runner.model))
        runner.register_hook(launch.StartHook(start_work))
        runner.register_hook(ExactWeightsHook(args.checkpoint, args.allow_partial))
        if args.show or args.show_dir:
            runner.register_hook(pictures_hook(runner, args))
        if args.out and args.out_item != 'metrics':
            runner.test_evaluator.metrics.append(DumpResults(out_file_path=args.out))
        metrics = runner.test()
    launch.end_workers(runner)
    del runner
    if args.out and args.out_item == 'metrics' and is_main_process():
        mmengine.dump(plain_metrics(metrics), args.out)
    launch.leave_processes()


if __name__ == '__main__':
    main()
