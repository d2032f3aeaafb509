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
import hashlib
import signal
import sys
from pathlib import Path
from typing import List, Optional

import torch
from mmengine.config import Config, DictAction

import mmadf  # noqa: F401  registers
from mmadf import robustness
from mmadf.engine.options import merge_options
from mmadf.engine.work_dir import default_work_dir
from mmadf.evaluation.tables import write_csv
from mmadf.robustness import Condition, Evaluation, Records


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


def read_config(path: str, options: Optional[dict] = None) -> Config:
    """Return a config with changes, which must change something."""
    cfg = Config.fromfile(path)
    merge_options(cfg, options)
    return cfg


def plan(args: argparse.Namespace) -> List[Condition]:
    """Return what is tested."""
    corruptions = args.corruptions
    if corruptions == ['all']:
        corruptions = robustness.corruption_names()
    elif corruptions == ['none']:
        corruptions = []
    away = [a for a in args.attacks if a != 'autoattack'] if args.transfer else []
    return robustness.plan_conditions(
        args.attacks, args.eps, away, corruptions, args.severities
    )


def identify(cfg: Config, checkpoint: Path) -> str:
    """Return what tells a network: its checkpoint, and hashes of it and its config."""
    hashes = [
        hashlib.sha256(content).hexdigest()[:12]
        for content in (Path(checkpoint).read_bytes(), cfg.pretty_text.encode())
    ]
    return f'{Path(checkpoint).name} {" ".join(hashes)}'


def prepare(args: argparse.Namespace) -> tuple:
    """Load networks and images; return what is tested, its settings and records."""
    device = args.device or ('cuda' if torch.cuda.is_available() else 'cpu')
    cfg = read_config(args.config, args.cfg_options)
    out = args.out or Path(default_work_dir(args.config)) / 'robustness'
    network = robustness.load_pixel_network(cfg, args.checkpoint, device)
    settings = dict(network=identify(cfg, args.checkpoint))
    source = None
    if args.transfer:
        other = read_config(args.transfer[0])
        source = robustness.load_pixel_network(other, args.transfer[1], device)
        settings['transferred from'] = identify(other, args.transfer[1])
    images, labels = robustness.load_images(cfg, args.limit)
    attacks = robustness.AttackPlan(
        args.steps, args.autoattack_steps, args.queries, args.batch_size
    )
    settings.update(images=len(images), **attacks._asdict(), seed=args.seed)
    settings['device'] = device
    job = Evaluation(network, images, labels, attacks, source, args.seed, device)
    return job, settings, Records(out, settings)


def report(rows: List[robustness.Row], settings: dict, out: Path) -> str:
    """Write table and data; return the table."""
    table = robustness.markdown(rows, settings)
    (out / 'table.md').write_text(table + '\n')
    write_csv([row._asdict() for row in rows], out / 'table.csv')
    robustness.write_results(rows, settings, out / 'results.json')
    return table


def main() -> None:
    """Test under all conditions, report after each."""
    args = parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    conditions = plan(args)
    job, settings, records = prepare(args)
    out = records.path.parent
    try:
        for _ in robustness.evaluate(job, conditions, records):
            rows = robustness.summarise(records, len(job.images))
            table = report(rows, settings, out)
    except KeyboardInterrupt:
        print(f'\nstopped, {out} is kept; the same command goes on', file=sys.stderr)
        sys.exit(130)
    robustness.draw({'network': rows}, out / 'robustness.png')
    print(f'\n{table}\n\nin {out}')


if __name__ == '__main__':
    main()
