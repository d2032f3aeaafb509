"""Accuracy under attack and corruption, and calibration, of a trained network.

Run: python tools/robustness.py CONFIG CHECKPOINT [--out DIR] [--limit 1000]
         [--attacks fgsm bim pgd autoattack] [--eps 1 2 4 8 255]
         [--transfer CONFIG CHECKPOINT] [--corruptions all]

Attacks change pixels of [0, 1] by up to eps/255 each, before normalisation, and see the
whole network. At eps 255 pixels are free: an attack that leaves something there is
broken. `--transfer` makes them on another network as well, AutoAttack excepted. Signs
of masked gradients are printed and stand in the table.

Written to DIR after each batch: `records.jsonl`; after each attack or corruption at
one strength: `table.md`, `table.csv`, `results.json`; at the end: `robustness.png`.
Start the same command again to go on after an interruption; other attacks, eps,
corruptions and severities are added to what is there. tools/analysis/robustness.py
compares several networks.
"""

import argparse
import signal
import sys
from pathlib import Path
from typing import List, Optional

import torch
from mmengine.config import Config, DictAction

import mmadf  # noqa: F401  registers
from mmadf import robustness
from mmadf.engine.config import merge_options
from mmadf.engine.work_dir import default_work_dir
from mmadf.experiments.robustness import Condition


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', help='config file of the network')
    parser.add_argument('checkpoint', type=Path, help='checkpoint file of it')
    parser.add_argument('--out', type=Path, help='default: <work dir>/robustness')
    parser.add_argument(
        '--attacks',
        nargs='*',
        default=list(robustness.ATTACKS),
        choices=list(robustness.ATTACKS),
        metavar='ATTACK',
        help=f'of {", ".join(robustness.ATTACKS)}; all unless said',
    )
    parser.add_argument(
        '--eps', nargs='+', type=float, default=[1, 2, 4, 8, 255], help='in 1/255'
    )
    parser.add_argument(
        '--transfer',
        nargs=2,
        metavar=('CONFIG', 'CHECKPOINT'),
        help='another network, on which attacks are made too',
    )
    parser.add_argument(
        '--corruptions',
        nargs='+',
        default=['all'],
        metavar='NAME',
        help='names, all (the fifteen common ones) or none',
    )
    parser.add_argument('--severities', nargs='+', type=int, default=[1, 2, 3, 4, 5])
    parser.add_argument('--limit', type=int, default=0, help='images, default all')
    parser.add_argument('--batch-size', type=int, default=100)
    parser.add_argument('--steps', type=int, default=20, help='of BIM and PGD')
    parser.add_argument(
        '--autoattack-steps', type=int, default=100, help='of each APGD in AutoAttack'
    )
    parser.add_argument(
        '--queries', type=int, default=1000, help='of Square in AutoAttack'
    )
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--device', help='default: a GPU where there is one')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction)
    args = parser.parse_args()
    if problem := _problem(args):
        parser.error(problem)
    return args


def _problem(args: argparse.Namespace) -> Optional[str]:
    """Say what is wrong with the arguments, None if nothing is."""
    for path in (args.checkpoint, *(args.transfer or ())[1:]):
        if not Path(path).is_file():
            return f'no such checkpoint: {path}'
    if not all(0 < eps <= 255 for eps in args.eps):
        return f'--eps {args.eps}: give values in (0, 255], in units of 1/255'
    if not set(args.severities) <= set(robustness.SEVERITIES):
        return f'--severities {args.severities} are counted from 1 to 5'
    numbers = (args.batch_size, args.steps, args.autoattack_steps, args.queries)
    if min(numbers) < 1 or args.limit < 0:
        return 'sizes and counts must be positive'
    return None


def plan(args: argparse.Namespace) -> List[Condition]:
    """Return what is tested."""
    return robustness.plan_conditions(
        args.attacks,
        args.eps,
        robustness.transferable(args.attacks) if args.transfer else [],
        robustness.chosen_corruptions(args.corruptions),
        args.severities,
    )


def prepare(args: argparse.Namespace) -> tuple:
    """Return what is tested, and what outcomes depend on."""
    cfg = Config.fromfile(args.config)
    merge_options(cfg, args.cfg_options)
    source = None
    if args.transfer:
        source = Config.fromfile(args.transfer[0]), args.transfer[1]
    attacks = robustness.AttackPlan(
        args.steps, args.autoattack_steps, args.queries, args.batch_size
    )
    device = args.device or ('cuda' if torch.cuda.is_available() else 'cpu')
    network = cfg, args.checkpoint
    return robustness.prepare(network, source, attacks, args.limit, args.seed, device)


def main() -> None:
    """Test under all conditions, report after each."""
    args = parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    conditions = plan(args)
    job, settings = prepare(args)
    out = args.out or Path(default_work_dir(args.config)) / 'robustness'
    records = robustness.Records(out, settings)
    try:
        for _ in robustness.evaluate(job, conditions, records):
            rows = robustness.summarise(records, len(job.images))
            table = robustness.write_report(rows, settings, out)
    except KeyboardInterrupt:
        print(f'\nstopped, {out} is kept; the same command goes on', file=sys.stderr)
        sys.exit(130)
    robustness.draw({'network': rows}, out / 'robustness.png')
    print(f'\n{table}\n\nin {out}')


if __name__ == '__main__':
    main()
