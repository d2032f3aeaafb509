"""The local queue of a study: several runs at once, spread over the visible GPUs."""

import os
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from functools import lru_cache
from pathlib import Path
from queue import Queue
from threading import Event
from typing import Container, Dict, List, Sequence

import torch
from mmengine.config import Config

from mmadf.analysis import read_log
from mmadf.utils.optional import import_optional

from .run import Run
from .worker import POLL_SECONDS, Worker

BAR = '{percentage:3.0f}%|{bar}| {n:.1f} of {total} runs [{elapsed}<{remaining}]'


def run_all(
    runs: Sequence[Run], tools: Path, jobs: int, pass_fds: Sequence[int] = ()
) -> Dict[Run, Exception]:
    """Train and test all runs that are not finished, with a progress bar.

    A run that fails does not stop the others.

    Args:
        runs: see `write_runs`.
        tools: folder of `train.py` and `test.py`.
        jobs: number of concurrent runs, > 0.
        pass_fds: file descriptors that the processes inherit, see `locked_study`.

    Returns:
        The errors of the runs that failed, `RunError` unless there is a bug.
    """
    workers, stop = Queue(), Event()
    for environment in job_environments(jobs):
        workers.put(Worker(tools, environment, stop, pass_fds))

    def _finish(run: Run) -> None:
        worker = workers.get()
        try:
            worker.finish(run)
        finally:
            workers.put(worker)

    pool, errors, bar = ThreadPoolExecutor(jobs), {}, ProgressBar(runs)
    try:
        futures = {
            pool.submit(_finish, run): run for run in runs if not run.record.exists()
        }
        pending = set(futures)
        while pending:
            completed, pending = wait(pending, POLL_SECONDS, FIRST_COMPLETED)
            for run, error in ((futures[f], f.exception()) for f in completed):
                bar.write(f'{run.work_dir}: {error or "finished"}')
                if error:
                    errors[run] = error
            bar.update(errors)
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)
        bar.close()
    return errors


class ProgressBar:
    """Progress of a study, in runs, and the time left.

    Args:
        runs: all runs of the study.
    """

    def __init__(self, runs: Sequence[Run]) -> None:
        tqdm = import_optional('tqdm').tqdm
        done = sum(run.record.exists() for run in runs)
        self.runs, self.write = runs, tqdm.write
        self.bar = tqdm(total=len(runs), initial=done, bar_format=BAR, smoothing=0)

    def update(self, errors: Container[Run]) -> None:
        """Show the progress that the logs of the runs tell; failed runs are over."""
        part = sum(1.0 if run in errors else progress_of(run) for run in self.runs)
        self.bar.update(max(0.0, part - self.bar.n))

    def close(self) -> None:
        """Leave the bar as it is."""
        self.bar.close()


def progress_of(run: Run) -> float:
    """Return the fraction of a run's training, in [0, 1], that its log shows."""
    if run.record.exists():
        return 1.0
    loop = _train_cfg(run.config)
    try:
        records = read_log(run.work_dir)
    except (FileNotFoundError, ValueError):  # the report names a log that is damaged
        return 0.0
    by_epoch = 'max_epochs' in loop
    total = loop.max_epochs if by_epoch else loop.max_iters
    # Validation records count epochs; training records count iterations.
    steps = [record['step'] for record in records if ('loss' in record) != by_epoch]
    return max(steps, default=0) / total


def job_environments(jobs: int) -> List[Dict[str, str]]:
    """Return the environment variables of concurrent jobs, which take GPUs in turn.

    Args:
        jobs: number of concurrent jobs.
    """
    gpus = visible_gpus()
    if not gpus:
        return [dict(os.environ) for _ in range(jobs)]
    chosen = (gpus[job % len(gpus)] for job in range(jobs))
    return [{**os.environ, 'CUDA_VISIBLE_DEVICES': gpu} for gpu in chosen]


def visible_gpus() -> List[str]:
    """Return the GPUs that this process sees, in terms of CUDA_VISIBLE_DEVICES."""
    count = torch.cuda.device_count()
    listed = os.environ.get('CUDA_VISIBLE_DEVICES')
    names = listed.split(',') if listed else map(str, range(count))
    return [name.strip() for name in names][:count]


@lru_cache(maxsize=None)
def _train_cfg(config: Path) -> Config:
    return Config.fromfile(config).train_cfg
