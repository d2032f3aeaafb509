"""The runs of a study as a job array of Slurm, which submitit submits and requeues."""

import os
import re
import signal
import time
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import Dict, NamedTuple, Optional, Sequence

from mmadf.utils.files import atomic_write
from mmadf.utils.optional import import_optional

from .jobs import ProgressBar
from .run import Run
from .slurm_queue import jobs_in_queue, queued_jobs
from .worker import POLL_SECONDS, RunError, RunInterruptedError, Worker

# A run that makes progress may be requeued at its time limit as often as it takes.
MAX_TIMEOUTS = 1000
# The line of a traceback with the error, e.g. `mmadf.utils.MyError: message`.
ERROR = re.compile(r'[\w.]*(Error|Exception): ')


class Resources(NamedTuple):
    """What each run of a study asks Slurm for.

    `minutes` is the time limit, after which a run is requeued and resumes; `notice` is
    how many seconds before it training is stopped; `options` are further options of
    sbatch, e.g. `dict(account='vision')`.
    """

    partition: Optional[str] = None
    minutes: int = 24 * 60
    gpus: int = 1
    cpus: int = 4
    notice: int = 120
    options: Dict[str, object] = {}


class ArrayTask:
    """One run, as submitit calls it on a node; a `Checkpointable` of submitit.

    Args:
        run: the run.
        tools: folder of `train.py` and `test.py`.
    """

    def __init__(self, run: Run, tools: Path) -> None:
        self.run = run
        self.tools = tools
        self.worker: Optional[Worker] = None

    def __call__(self) -> None:
        """Train and test the run, and write its record."""
        stop = Event()
        self.worker = Worker(self.tools, dict(os.environ), stop)
        # Preemption: Slurm requeues the job itself, after some seconds.
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
        try:
            self.worker.finish(self.run)
        except RunInterruptedError:
            os._exit(os.EX_TEMPFAIL)  # with a result the job would be over

    def checkpoint(self) -> object:
        """Let training write a checkpoint; return what the requeued job calls."""
        self.worker.interrupt()
        submission = import_optional('submitit.helpers').DelayedSubmission
        return submission(ArrayTask(self.run, self.tools))


def run_array(
    runs: Sequence[Run], tools: Path, folder: Path, jobs: int, resources: Resources
) -> Dict[Run, Exception]:
    """Train and test all runs that are not finished, with a progress bar.

    The array goes on if this process ends. Runs whose jobs are still in the queue are
    waited for and not submitted again.

    Args:
        runs: see `write_runs`.
        tools: folder of `train.py` and `test.py`.
        folder: for the logs of the jobs; every node must reach it by this path.
        jobs: number of jobs that run at the same time, > 0.
        resources: what each run asks for.

    Returns:
        The errors of the runs that failed.
    """
    waiting = jobs_in_queue(runs)
    left = [run for run in runs if not run.record.exists()]
    if new := [run for run in left if run not in waiting]:
        waiting.update(_submit(new, tools, folder, jobs, resources))
    errors, gone = {}, set()
    with closing(ProgressBar(runs)) as bar:
        while waiting:
            time.sleep(POLL_SECONDS)
            queued = queued_jobs()
            for run, job in list(waiting.items()):
                if run.record.exists():
                    bar.write(f'{run.work_dir}: finished')
                elif run in gone:
                    errors[run] = _error_of(folder, job)
                    bar.write(f'{run.work_dir}: {errors[run]}')
                else:
                    # A file of another host may appear some seconds later.
                    gone |= {run} if job not in queued else set()
                    continue
                del waiting[run]
            bar.update(errors)
    return errors


def _submit(
    runs: Sequence[Run], tools: Path, folder: Path, jobs: int, resources: Resources
) -> Dict[Run, str]:
    """Submit an array and return its jobs by run."""
    submitit = import_optional('submitit')
    executor = submitit.SlurmExecutor(folder, max_num_timeout=MAX_TIMEOUTS)
    gpus = dict(gpus_per_node=resources.gpus) if resources.gpus else {}
    executor.update_parameters(
        job_name=folder.parent.name,
        partition=resources.partition,
        time=resources.minutes,
        cpus_per_task=resources.cpus,
        srun_args=[f'--cpus-per-task={resources.cpus}'],
        signal_delay_s=resources.notice,
        array_parallelism=jobs,
        additional_parameters=dict(resources.options, requeue=True),
        **gpus,
    )
    with executor.batch():
        submitted = [executor.submit(ArrayTask(run, tools.resolve())) for run in runs]
    found = {run: job.job_id for run, job in zip(runs, submitted, strict=True)}
    for run, job in found.items():
        atomic_write(run.job, job.encode())
    return found


def _error_of(folder: Path, job: str) -> RunError:
    """Return why a job has ended without a record."""
    log = folder / f'{job}_0_log.err'
    lines = log.read_text(errors='replace').splitlines() if log.exists() else []
    errors = [line for line in lines if ERROR.match(line)]
    reason = errors[-1] if errors else 'it was cancelled or killed'
    reason = reason.partition(f'{RunError.__name__}: ')[2] or reason
    return RunError(f'job {job} left no record: {reason}; see {log}')
