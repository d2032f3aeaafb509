"""The local queue of a study: several runs at once, spread over the visible GPUs."""

import os
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from queue import Queue
from threading import Event
from typing import Dict, List, Sequence

import torch

from mmadf.utils.progress import import_tqdm

from .plan import Run
from .worker import POLL_SECONDS, RunError, Worker

BAR = '{percentage:3.0f}%|{bar}| {n:.1f} of {total} runs [{elapsed}<{remaining}]'


def run_all(runs: Sequence[Run], tools: Path, jobs: int) -> Dict[Run, RunError]:
    """Train and test all runs that are not finished, with a progress bar.

    A run that fails does not stop the others.

    Args:
        runs: see `write_runs`.
        tools: folder of `train.py` and `test.py`.
        jobs: number of concurrent runs, > 0.

    Returns:
        The errors of the runs that failed.

    Raises:
        ValueError: `jobs` is not positive.
    """
    if jobs < 1:
        raise ValueError(f'jobs={jobs} must be positive.')
    unfinished = [run for run in runs if not run.result.exists()]
    environments, stop, errors = Queue(), Event(), {}
    for environment in job_environments(jobs):
        environments.put(environment)
    tqdm = import_tqdm()
    bar = tqdm(
        total=len(runs),
        initial=len(runs) - len(unfinished),
        bar_format=BAR,
        smoothing=0,
        mininterval=POLL_SECONDS,
    )

    def work(run: Run) -> None:
        environment, progress = environments.get(), Progress(bar)
        try:
            Worker(tools, environment, stop).finish(run, progress.show)
        finally:
            environments.put(environment)
            progress.show(1.0)

    pool = ThreadPoolExecutor(jobs)
    try:
        futures = {pool.submit(work, run): run for run in unfinished}
        for future in as_completed(futures):
            run = futures[future]
            if error := future.exception():
                errors[run] = error
            tqdm.write(f'{run.work_dir}: {error or "finished"}')
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)
        bar.close()
    for error in errors.values():
        if not isinstance(error, RunError):
            raise error
    return errors


class Progress:
    """Advances a bar that counts runs by the fractions of one run.

    Args:
        bar: bar of tqdm, shared by all runs.
    """

    def __init__(self, bar: object) -> None:
        self.bar = bar
        self.fraction = 0.0

    def show(self, fraction: float) -> None:
        """Advance to a fraction of this run, in [0, 1]; the bar never moves back."""
        step = max(0.0, fraction - self.fraction)
        self.fraction += step
        self.bar.update(step)


def job_environments(jobs: int) -> List[Dict[str, str]]:
    """Return the environment of each concurrent job; they take the GPUs in turn.

    Args:
        jobs: number of concurrent jobs.
    """
    gpus = visible_gpus()
    chosen = [
        {'CUDA_VISIBLE_DEVICES': gpus[job % len(gpus)]} if gpus else {}
        for job in range(jobs)
    ]
    return [{**os.environ, **variables} for variables in chosen]


def visible_gpus() -> List[str]:
    """Return the GPUs that this process sees, in terms of CUDA_VISIBLE_DEVICES."""
    count = torch.cuda.device_count()
    listed = os.environ.get('CUDA_VISIBLE_DEVICES')
    names = listed.split(',') if listed else map(str, range(count))
    return [name.strip() for name in names][:count]
