"""Train the variants of a study with several seeds and compare them.

Run: python tools/study.py STUDY.py [--jobs 2] [--cfg-options data.root=DIR ...]

Runs share the visible GPUs in turn; without --jobs there is one run for each GPU.

Each run is trained by train.py and tested, once, by test.py, in a process of its own.
Start the same command again to go on after an interruption: finished runs are kept,
others resumed. In the study's folder, work_dirs/<study> unless it says another:
`table.md`, `table.csv`, `readouts.csv`, `runs.csv`, `curves.png`, `cost.png`, and of
each run, in <variant>/seed<k>, its config, logs and checkpoints.
"""

import argparse
import signal
import sys
from pathlib import Path

from mmengine.config import DictAction

import mmadf  # noqa: F401  registers
from mmadf.experiments.studies import (
    load_study,
    run_all,
    visible_gpus,
    write_report,
    write_runs,
)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('study', type=Path, help='file of the study')
    parser.add_argument(
        '--jobs', type=int, help='runs at once; by default the number of GPUs, or 1'
    )
    parser.add_argument(
        '--report-only',
        action='store_true',
        help='train nothing, report what is finished',
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='override fields of the study, e.g. data.root=my/images seeds=(0,1)',
    )
    args = parser.parse_args()
    if args.jobs is None:
        args.jobs = max(1, len(visible_gpus()))
    if args.jobs < 1:
        parser.error(f'--jobs {args.jobs} must be positive')
    return args


def main() -> None:
    """Run what is missing, report what is there."""
    args = parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    study = load_study(args.study, args.cfg_options)
    runs = write_runs(study)
    failures = {}
    if not args.report_only:
        failures = run_all(runs, Path(__file__).parent, args.jobs)
    table = write_report(study, runs) or 'no finished runs'
    print(f'\n{table}\n\nin {study.work_dir}')
    for run, problem in failures.items():
        print(f'not finished: {run.work_dir}: {problem}', file=sys.stderr)
    sys.exit(bool(failures))


if __name__ == '__main__':
    main()
