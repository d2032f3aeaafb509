"""Compare network variants over several random seeds.

Run: python tools/study.py STUDY.py [--jobs 2] [--cfg-options data.root=DIR ...]

Each run is trained by train.py and tested once by test.py, in processes of its own.
Concurrent runs take the visible GPUs in turn. Repeat the same command to resume an
interrupted study: finished runs are kept, others continue from their latest checkpoint.
With `--launcher slurm` the runs are the jobs of an array, which are requeued
when they are preempted or reach their time limit.

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
from typing import Dict

from mmengine.config import Config

import mmadf  # noqa: F401  registers
from mmadf.experiments.reports import write_study_report
from mmadf.experiments.studies.jobs import run_all, visible_gpus
from mmadf.experiments.studies.load import SLURM, load_study
from mmadf.experiments.studies.lock import locked_study
from mmadf.experiments.studies.plan import write_runs
from mmadf.experiments.studies.results import read_results
from mmadf.experiments.studies.run import Run
from mmadf.experiments.studies.slurm import Resources, run_array
from mmadf.experiments.studies.slurm_queue import check_no_jobs, check_slurm
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
        help='number of concurrent runs (default: number of GPUs, at least 1; with '
        '--launcher slurm all)',
    )
    parser.add_argument('--launcher', choices=['local', 'slurm'], default='local')
    add_slurm_arguments(parser)
    parser.add_argument(
        '--report-only',
        action='store_true',
        help='do not train, only report the recorded runs; needs no data',
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=ConfigOptions,
        help='override fields of the study, e.g. data.root=my/images seeds=0,1',
    )
    args = parser.parse_args()
    if args.jobs is not None and args.jobs < 1:
        parser.error(f'--jobs {args.jobs} must be positive')
    if args.time < 1 or args.cpus_per_run < 1 or args.gpus_per_run < 0:
        parser.error(
            f'--time {args.time} and --cpus-per-run {args.cpus_per_run} must be '
            f'positive, and --gpus-per-run {args.gpus_per_run} not negative'
        )
    return args


def add_slurm_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the jobs of an array."""
    group = parser.add_argument_group('options of --launcher slurm')
    group.add_argument('--partition', help="by default the cluster's")
    default = Resources()
    group.add_argument(
        '--time',
        type=int,
        default=default.minutes,
        metavar='MINUTES',
        help='time limit of a job, after which it is requeued (default: %(default)s)',
    )
    group.add_argument(
        '--gpus-per-run', type=int, default=default.gpus, help='0 for CPU nodes'
    )
    group.add_argument('--cpus-per-run', type=int, default=default.cpus)
    group.add_argument(
        '--notice',
        type=int,
        default=default.notice,
        metavar='SECONDS',
        help='stop a training this long before its time limit (default: %(default)s)',
    )
    group.add_argument(
        '--sbatch-options',
        nargs='+',
        default={},
        action=ConfigOptions,
        help='further options of sbatch, e.g. account=vision qos=long',
    )


def run_study(study: Config, args: argparse.Namespace) -> Dict[Run, Exception]:
    """Train and test the runs that are not finished; return the errors."""
    tools, work_dir = Path(__file__).parent, Path(study.work_dir)
    with report_invalid_input() as start_work, locked_study(work_dir) as lock:
        runs = write_runs(study)
        if args.launcher == 'local':
            check_no_jobs(runs)
            start_work()
            jobs = args.jobs or max(1, len(visible_gpus()))
            return run_all(runs, tools, jobs, pass_fds=(lock,))
        start_work()
        resources = Resources(
            partition=args.partition,
            minutes=args.time,
            gpus=args.gpus_per_run,
            cpus=args.cpus_per_run,
            notice=args.notice,
            options=dict(args.sbatch_options),
        )
        folder = work_dir.resolve() / SLURM
        return run_array(runs, tools, folder, args.jobs or len(runs), resources)


def main() -> None:
    """Train and test unfinished runs, and report all finished ones."""
    args = parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with report_invalid_input():
        for package in ('scipy', 'matplotlib', 'tqdm'):
            import_optional(package)  # rather now than after hours of training
        if args.launcher == 'slurm':
            check_slurm()
        study = load_study(args.study, args.cfg_options)
    try:
        errors = {} if args.report_only else run_study(study, args)
    except KeyboardInterrupt:
        message = f'Interrupted; repeat the command to resume {study.work_dir}'
        print(f'\n{message}', file=sys.stderr)
        sys.exit(128 + signal.SIGINT)
    with report_invalid_input():
        results, unread = read_results(study)
    if report := write_study_report(study, results):
        print(f'\n{report}\n\nWritten to {study.records}')
    else:
        print(f'No run is recorded in {study.records}')
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
