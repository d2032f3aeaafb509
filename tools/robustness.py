"""Measure accuracy and calibration of a trained network under attacks and corruptions.

Run: python tools/robustness.py CONFIG CHECKPOINT [--out DIR] [--limit 1000]
         [--attacks fgsm bim pgd autoattack] [--eps 1 2 4 8 255]
         [--transfer CONFIG CHECKPOINT] [--corruptions all]

The attacks are white-box, in the L-infinity norm: they change each pixel in [0, 1],
before normalisation, by at most eps/255. At eps 255 the perturbation is unbounded; an
attack that does not reduce the accuracy to about 0 there is not reliable. `--transfer`
also crafts the attacks, except AutoAttack, on another network. Signs of gradient
masking are reported as warnings.

DIR receives `records.jsonl` after each batch, `table.md`, `table.csv` and
`results.json` after each condition, and `robustness.png` at the end. Repeat the same
command to resume an interrupted test; further attacks, eps, corruptions and severities
are added to existing results. tools/analysis/robustness.py compares several networks.
"""

import argparse
import signal
import sys
from pathlib import Path
from typing import Tuple

import torch
from mmengine.config import Config
from torch import nn

import mmadf  # noqa: F401  registers
from mmadf.deployment.input_spec import yields_bgr
from mmadf.engine.config import merge_options
from mmadf.engine.data_checks import class_names
from mmadf.engine.work_dir import default_work_dir
from mmadf.experiments.plots import plot_robustness
from mmadf.experiments.reports import write_robustness_report
from mmadf.experiments.robustness.attacks import ATTACKS, AttackOptions
from mmadf.experiments.robustness.conditions import plan_conditions
from mmadf.experiments.robustness.corruptions import SEVERITIES, select_corruptions
from mmadf.experiments.robustness.evaluate import Evaluation
from mmadf.experiments.robustness.network import (
    PixelNetwork,
    fingerprint,
    hash_images,
    load_images,
)
from mmadf.experiments.robustness.records import Records
from mmadf.experiments.robustness.summary import summarise
from mmadf.utils.command_line import (
    ConfigOptions,
    available_device,
    check_writable,
    report_invalid_input,
)
from mmadf.utils.optional import import_optional
from mmadf.weights.load import load_network, read_config, test_dataset


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', help='config of the network')
    parser.add_argument('checkpoint', help='checkpoint of the network')
    parser.add_argument(
        '--out',
        type=Path,
        help='output folder (default: work_dirs/<config>/robustness)',
    )
    add_condition_arguments(parser)
    parser.add_argument(
        '--limit', type=int, default=0, help='number of images (default: 0, all)'
    )
    parser.add_argument('--batch-size', type=int, default=100)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument(
        '--device', type=available_device, help='default: cuda if available, else cpu'
    )
    parser.add_argument(
        '--cfg-options', nargs='+', action=ConfigOptions, help='override the config'
    )
    args = parser.parse_args()
    if not all(0 < eps <= 255 for eps in args.eps):
        parser.error(f'--eps {args.eps} must be in (0, 255], in units of 1/255')
    for name in ('batch_size', 'steps', 'autoattack_steps', 'queries'):
        if (value := getattr(args, name)) < 1:
            parser.error(f'--{name.replace("_", "-")} {value} must be positive')
    if args.limit < 0:
        parser.error(f'--limit {args.limit} must be 0, for all images, or more')
    return args


def add_condition_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of attacks and corruptions."""
    parser.add_argument(
        '--attacks',
        nargs='*',
        default=list(ATTACKS),
        choices=list(ATTACKS),
        metavar='ATTACK',
        help=f'any of {", ".join(ATTACKS)} (default: all)',
    )
    parser.add_argument(
        '--eps',
        nargs='+',
        type=float,
        default=[1, 2, 4, 8, 255],
        help='attack strengths in units of 1/255 (default: 1 2 4 8 255)',
    )
    parser.add_argument(
        '--transfer',
        nargs=2,
        metavar=('CONFIG', 'CHECKPOINT'),
        help='another network on which the attacks are also crafted',
    )
    parser.add_argument(
        '--corruptions',
        nargs='+',
        default=['all'],
        metavar='NAME',
        help='names, all (the fifteen common corruptions) or none',
    )
    parser.add_argument(
        '--severities',
        nargs='+',
        type=int,
        default=list(SEVERITIES),
        choices=SEVERITIES,
        metavar='SEVERITY',
        help='severities of each corruption (default: 1 2 3 4 5)',
    )
    parser.add_argument('--steps', type=int, default=20, help='steps of BIM and PGD')
    parser.add_argument(
        '--autoattack-steps', type=int, default=100, help='steps of each APGD'
    )
    parser.add_argument(
        '--queries', type=int, default=1000, help='queries of the Square attack'
    )


def to_pixel_network(cfg: Config, classifier: nn.Module) -> PixelNetwork:
    """Return a classifier as a network of pixels, in the test pipeline's order."""
    pipeline = test_dataset(cfg).get('pipeline')
    return PixelNetwork(classifier, yields_bgr(pipeline, classifier.data_preprocessor))


def load(args: argparse.Namespace) -> Tuple[Evaluation, dict]:
    """Return what is tested, and the settings on which the outcomes depend."""
    conditions = plan_conditions(
        args.attacks,
        args.eps,
        bool(args.transfer),
        select_corruptions(args.corruptions),
        args.severities,
    )
    device = args.device or ('cuda' if torch.cuda.is_available() else 'cpu')
    options = AttackOptions(
        args.steps, args.autoattack_steps, args.queries, args.batch_size
    )
    cfg = read_config(args.config)
    merge_options(cfg, args.cfg_options)
    classifier, meta = load_network(cfg, args.checkpoint, device)
    network = to_pixel_network(cfg, classifier)
    settings, source = dict(network=fingerprint(cfg, args.checkpoint)), None
    if args.transfer:
        other = read_config(args.transfer[0]), args.transfer[1]
        trained, _ = load_network(*other, device)
        source = to_pixel_network(other[0], trained)
        settings['transferred from'] = fingerprint(*other)
    names = class_names(meta.get('dataset_meta'))
    images, labels = load_images(cfg, args.limit, network.classifier, names)
    settings.update(images=len(images), data=hash_images(images, labels))
    settings.update(**options._asdict(), seed=args.seed, device=device)
    evaluation = Evaluation(
        network, images, labels, conditions, options, source, args.seed, device
    )
    return evaluation, settings


def main() -> None:
    """Test under all conditions, and update the report after each."""
    args = parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with report_invalid_input():
        for package in ('torchmetrics', 'matplotlib', 'tqdm'):
            import_optional(package)  # rather now than after hours of testing
        out = args.out or Path(default_work_dir(args.config)) / 'robustness'
        check_writable(out)
        evaluation, settings = load(args)
        records = Records(out, settings)
    try:
        for _ in evaluation.run(records):
            rows = summarise(records, len(evaluation.images))
            report = write_robustness_report(rows, settings, out)
    except KeyboardInterrupt:
        print(f'\nInterrupted; repeat the command to resume {out}', file=sys.stderr)
        sys.exit(130)
    plot_robustness(rows, out / 'robustness.png')
    print(f'\n{report}\n\nWritten to {out}')


if __name__ == '__main__':
    main()
