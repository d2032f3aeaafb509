"""Report a finished training run as one self-contained HTML page.

Run: python tools/analysis/report.py CONFIG WORK_DIR [--checkpoint FILE] [--out FILE]

Tests the best checkpoint of the run, and says so if the test images of the config are
the validation images that selected this checkpoint. Prints the accuracy of every
readout (the fused semantic head, the appearance head, the sum of both logits), and
writes `report.html` to the work directory: learning curves, confusion matrix, accuracy
by class, the most wrong images with Grad-CAM evidence, calibration, cost and config.
The page loads nothing, and contains no scripts and no absolute paths.
"""

import argparse
from pathlib import Path

from mmengine.device import get_device
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from mmadf.analysis import read_log
from mmadf.analysis.explain import import_grad_cam
from mmadf.analysis.plots import import_pyplot
from mmadf.analysis.report import (
    Run,
    kind_of_images,
    read_configuration,
    write_report,
)
from mmadf.deployment.input_spec import yields_bgr
from mmadf.engine.config import check_config, set_dataloader_defaults
from mmadf.engine.data_checks import (
    check_classes,
    check_single_label,
    check_trained_names,
)
from mmadf.engine.data_roots import check_data_loader
from mmadf.engine.work_dir import best_checkpoint
from mmadf.utils.command_line import check_writable, report_invalid_input
from mmadf.utils.optional import import_optional
from mmadf.weights.exact import add_partial_argument
from mmadf.weights.load import load_network, read_config, test_dataset


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', help='config file of the run')
    parser.add_argument('work_dir', type=Path, help='work directory of the run')
    parser.add_argument('--checkpoint', help='default: the best one of the run')
    parser.add_argument('--out', type=Path, help='default: WORK_DIR/report.html')
    parser.add_argument(
        '--wrong', type=int, default=12, help='number of wrong images to show'
    )
    add_partial_argument(parser)
    args = parser.parse_args()
    if args.wrong < 0:
        parser.error(f'--wrong {args.wrong} must be 0 or more')
    args.out = args.out or args.work_dir / 'report.html'
    if args.out.is_dir() or args.out.suffix.lower() not in ('.html', '.htm'):
        parser.error(f'--out {args.out} must be the name of a file, *.html')
    return args


def main() -> None:
    """Test the network and report the run."""
    args = parse_args()
    with report_invalid_input():
        checkpoint = args.checkpoint or best_checkpoint(args.work_dir)
        if checkpoint is None:
            raise ValueError(f'no best_*.pth in {args.work_dir}; give --checkpoint.')
        import_pyplot()
        import_grad_cam()
        for package in ('jinja2', 'torchmetrics.functional.classification', 'tqdm'):
            import_optional(package)
        records = read_log(args.work_dir)
        check_writable(args.out.parent)
        cfg = read_config(args.config)
        check_data_loader(cfg, 'test')
        config = read_configuration(args.work_dir, cfg.pretty_text)
        model, meta = load_network(cfg, checkpoint, get_device(), args.allow_partial)
        check_single_label(model)
        check_config(cfg, ('test',))
        set_dataloader_defaults(cfg, persistent_workers=False)
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            loader = Runner.build_dataloader(cfg.test_dataloader)
        check_classes(model, loader.dataset, 'test')
        check_trained_names(loader.dataset, 'test', meta, checkpoint)
        images = kind_of_images(cfg, loader.dataset)
        pipeline = test_dataset(cfg).get('pipeline')
        is_bgr = yields_bgr(pipeline, model.data_preprocessor)
    seed = meta.get('seed')
    run = Run(args.work_dir, Path(checkpoint), config, seed, records, images, is_bgr)
    table = write_report(model, loader, run, args.out, args.wrong)
    print(f'\n{checkpoint}, {table}\n')
    print(f'report: {args.out}')


if __name__ == '__main__':
    main()
