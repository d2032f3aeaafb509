"""Runs of a study as processes: several at once, each resumable, none in two places."""

import fcntl
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import lru_cache
from pathlib import Path
from typing import IO, Dict, List, NamedTuple, Optional, Sequence

from mmengine.config import Config

from mmadf.analysis import read_log
from mmadf.engine.work_dir import best_checkpoint
from mmadf.utils.progress import import_tqdm

from .devices import Devices
from .plan import Run

SECONDS_BETWEEN_LOOKS = 2
BAR = '{percentage:3.0f}%|{bar}| {n:.1f} of {total} runs [{elapsed}<{remaining}]'


def run_all(runs: Sequence[Run], tools: Path, jobs: int) -> Dict[Run, str]:
    """Train and test what is not finished yet, and show progress and remaining time.

    A run that stopped half-way goes on from its newest checkpoint. One that another
    process works on is left to it, so that several may share a study's folder. Where
    there are GPUs, each process has one of them, and they are taken in turn.

    Args:
        runs: see `write_runs`.
        tools: folder of train.py and test.py.
        jobs: processes at once, > 0.

    Returns:
        Why, by run, for those that were not finished.

    Raises:
        ValueError: `jobs` is not positive.
    """
    if jobs < 1:
        raise ValueError(f'run_all: jobs={jobs} must be positive.')
    open_runs = [run for run in runs if not run.result.exists()]
    failures, workers = {}, Workers(tools, jobs)
    tqdm = import_tqdm()
    bar = tqdm(
        total=len(runs),
        initial=len(runs) - len(open_runs),
        bar_format=BAR,
        smoothing=0,
        mininterval=SECONDS_BETWEEN_LOOKS,
    )
    pool = ThreadPoolExecutor(jobs)
    try:
        futures = {pool.submit(workers.work, run, bar): run for run in open_runs}
        for future in as_completed(futures):
            run, problem = futures[future], future.result()
            tqdm.write(f'{run.work_dir}: {problem or "finished"}')
            if problem:
                failures[run] = problem
    finally:
        workers.stop()
        pool.shutdown(cancel_futures=True)
        bar.close()
    return failures


class Progress:
    """Moves a bar that counts runs by the parts of one run.

    Args:
        bar: shared by all runs.
    """

    def __init__(self, bar: object) -> None:
        self.bar = bar
        self.part = 0.0

    def show(self, part: float) -> None:
        """Move the bar to `part`, in [0, 1], of this run; never back."""
        step = max(0.0, part - self.part)
        self.part += step
        self.bar.update(step)


def trained_part(run: Run) -> float:
    """Return how much of a run's training its log shows, in [0, 1]."""
    plan = _train_cfg(run.config)
    try:
        records = read_log(run.work_dir)
    except FileNotFoundError:
        return 0.0
    if plan.get('by_epoch'):
        steps, total = [r['step'] for r in records if 'loss' not in r], plan.max_epochs
    else:
        steps, total = [r['step'] for r in records if 'loss' in r], plan.max_iters
    return max(steps, default=0) / total


@lru_cache(maxsize=None)
def _train_cfg(config: Path) -> Config:
    """Return the loop of a run's config, which is looked at every few seconds."""
    return Config.fromfile(config).train_cfg


class Job(NamedTuple):
    """What the processes of a run need: its lock, the bar to move, the environment."""

    run: Run
    lock: IO
    progress: Progress
    environment: Dict[str, str]


class Workers:
    """Starts the processes of runs and ends them with it.

    Args:
        tools: folder of train.py and test.py.
        jobs: how many runs at once, > 0.
    """

    def __init__(self, tools: Path, jobs: int) -> None:
        self.tools = tools
        self.devices = Devices(jobs)
        self.processes: List[subprocess.Popen] = []
        self.stopped = False

    def work(self, run: Run, bar: object) -> Optional[str]:
        """Train and test one run; return what went wrong, None if nothing."""
        progress = Progress(bar)
        with (
            self.devices.one() as environment,
            open(run.work_dir / 'lock', 'w') as lock,
        ):
            try:
                # The processes inherit the lock: it lasts as long as they do.
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if run.result.exists():  # another process has just finished it
                    return None
                return self._train_and_test(Job(run, lock, progress, environment))
            except BlockingIOError:
                return 'another process works on it'
            except Exception as error:
                return f'{type(error).__name__}: {error}'
            finally:
                progress.show(1.0)

    def stop(self) -> None:
        """End what still runs."""
        self.stopped = True
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)

    def _train_and_test(self, job: Job) -> Optional[str]:
        run = job.run
        train = ['train.py', run.config, '--work-dir', run.work_dir, '--resume']
        if problem := self._run(train, job):
            return problem
        checkpoint = best_checkpoint(run.work_dir)
        if checkpoint is None:
            return 'no best_*.pth: the config must validate and save the best'
        partial = run.work_dir / 'test.partial.json'
        test = ['test.py', run.config, checkpoint, '--work-dir', run.work_dir / 'test']
        test += ['--out', partial, '--out-item', 'metrics']
        test += ['--cfg-options', 'test_cfg.type=mmadf.ReadoutsTestLoop']
        if problem := self._run(test, job):
            return problem
        os.replace(partial, run.result)
        return None

    def _run(self, command: list, job: Job) -> Optional[str]:
        """Run a script and wait for it; its output is added to a log of its own."""
        script, *arguments = command
        log = job.run.work_dir / f'{Path(script).stem}.log'
        with open(log, 'a') as output:
            if self.stopped:
                return 'stopped'
            process = subprocess.Popen(
                [sys.executable, str(self.tools / script), *map(str, arguments)],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=job.environment,
                pass_fds=(job.lock.fileno(),),
            )
        self.processes.append(process)
        while True:
            try:
                code = process.wait(SECONDS_BETWEEN_LOOKS)
                break
            except subprocess.TimeoutExpired:
                job.progress.show(trained_part(job.run))
        if code:
            lines = log.read_text(errors='replace').strip().splitlines() or ['']
            return f'{script} ended with {code}: {lines[-1]}; see {log}'
        return None
