"""Compare network variants over several random seeds.

Run: python tools/study.py STUDY.py [--jobs 2] [--cfg-options data.root=DIR ...]

Each run is trained by train.py and tested once by test.py, in processes of its own.
Concurrent runs take the visible GPUs in turn. Repeat the same command to resume an
interrupted study: finished runs are kept, others continue from their latest checkpoint.

Each finished run leaves a record, by default in `docs/results/<study>`. A run that has
a record is not run again, also on another machine. The same folder receives the report,
which is made from the records alone: `table.md`, `table.csv`, `readouts.csv`,
`runs.csv`, `curves.png` and `cost.png`. Logs and checkpoints are in
`work_dirs/<study>/<variant>/seed<k>`.
"""

import argparse
import signal
import sys
from pathlib import Path

import mmadf  # noqa: F401  registers
from mmadf.experiments.reports import write_study_report
from mmadf.experiments.studies.jobs import run_all, visible_gpus
from mmadf.experiments.studies.plan import load_study, write_runs
from mmadf.experiments.studies.results import read_results
from mmadf.experiments.studies.worker import RunError
from mmadf.utils.command_line import ConfigOptions, report_invalid_input
from mmadf.utils.optional import import_optional


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('study', type=Path, help='config file of the study')
    parser.add_argument(
        '--jobs',
        type=int,
        help='number of concurrent runs (default: number of GPUs, at least 1)',
    )
    parser.add_argument(
        '--report-only',
        action='store_true',
        help='do not train, only report the recorded runs; needs no data',
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=ConfigOptions,
        help='override fields of the study, e.g. data.root=my/images seeds=(0,1)',
    )
    args = parser.parse_args()
    if args.jobs is None:
        args.jobs = max(1, len(visible_gpus()))
    if args.jobs < 1:
        parser.error(f'--jobs {args.jobs} must be positive')
    return args


def main() -> None:
    """Train and test unfinished runs, and report all finished ones."""
    args = parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with report_invalid_input():
        for package in ('scipy', 'matplotlib', 'tqdm'):
            import_optional(package)  # rather now than after hours of training
        study = load_study(args.study, args.cfg_options)
        runs = [] if args.report_only else write_runs(study)
    errors = run_all(runs, Path(__file__).parent, args.jobs) if runs else {}
    with report_invalid_input():
        results, unread = read_results(study)
    report = write_study_report(study, results) or 'No run is recorded.'
    print(f'\n{report}\n\nWritten to {study.records}')
    for run, error in errors.items():
        print(f'not finished: {run.work_dir}: {error}', file=sys.stderr)
    for record, error in unread.items():
        print(f'not reported: {record}: {error}', file=sys.stderr)
    for error in errors.values():
        if not isinstance(error, RunError):
            raise error  # a bug
    sys.exit(bool(errors or unread))


if __name__ == '__main__':
    main()
