"""Trains and tests one run of a study, each in a process of its own."""

import fcntl
import os
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from threading import Event
from typing import IO, Callable, Dict

from mmengine.config import Config

from mmadf.analysis import read_log
from mmadf.engine.work_dir import best_checkpoint

from .plan import Run

POLL_SECONDS = 2


class RunError(RuntimeError):
    """A run cannot be trained or tested; the other runs of the study are not affected.

    Its message says why.
    """


class Worker:
    """Trains and tests a run with the scripts of this project.

    A run that was interrupted resumes from its latest checkpoint. Several workers, also
    of other processes, may share the folder of a study: each locks its run.

    Args:
        tools: folder of `train.py` and `test.py`.
        environment: environment variables of the processes.
        stop: when set, the current process is terminated and no further one starts.
    """

    def __init__(self, tools: Path, environment: Dict[str, str], stop: Event) -> None:
        self.tools = tools
        self.environment = environment
        self.stop = stop

    def finish(self, run: Run, on_progress: Callable[[float], None]) -> None:
        """Train and test a run, unless it is finished.

        Args:
            run: see `write_runs`.
            on_progress: called every few seconds with the trained fraction, in [0, 1].

        Raises:
            RunError: a script failed, or another process works on this run.
        """
        with open(run.work_dir / 'lock', 'w') as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise RunError('another process is working on this run') from error
            if not run.result.exists():
                self._train_and_test(run, lock, on_progress)

    def _train_and_test(self, run: Run, lock: IO, on_progress: Callable) -> None:
        train = ['train.py', run.config, '--work-dir', run.work_dir, '--resume']
        self._execute(train, run, lock, on_progress)
        checkpoint = best_checkpoint(run.work_dir)
        if checkpoint is None:
            raise RunError(
                'training left no best_*.pth; the config must validate, with save_best '
                'set in default_hooks.checkpoint'
            )
        partial = run.work_dir / 'test.partial.json'
        test = ['test.py', run.config, checkpoint, '--work-dir', run.work_dir / 'test']
        test += ['--out', partial, '--out-item', 'metrics']
        test += ['--cfg-options', 'test_cfg.type=mmadf.ReadoutsTestLoop']
        self._execute(test, run, lock, on_progress)
        os.replace(partial, run.result)

    def _execute(
        self, command: list, run: Run, lock: IO, on_progress: Callable
    ) -> None:
        """Run a script to its end; its output is appended to a log file."""
        if self.stop.is_set():
            raise RunError('stopped')
        script, *arguments = map(str, command)
        log = run.work_dir / f'{Path(script).stem}.log'
        with open(log, 'a') as output:
            process = subprocess.Popen(
                [sys.executable, str(self.tools / script), *arguments],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self.environment,
                # The process inherits the lock, which thus lasts as long as it does.
                pass_fds=(lock.fileno(),),
            )
        code = None
        while code is None:
            try:
                code = process.wait(POLL_SECONDS)
            except subprocess.TimeoutExpired:
                if self.stop.is_set():
                    process.terminate()
                on_progress(trained_fraction(run))
        if code:
            last = (log.read_text(errors='replace').strip().splitlines() or [''])[-1]
            raise RunError(f'{script} exited with code {code}: {last}; see {log}')


def trained_fraction(run: Run) -> float:
    """Return the fraction of the training of a run, in [0, 1], that its log shows."""
    loop = _train_cfg(run.config)
    try:
        records = read_log(run.work_dir)
    except FileNotFoundError:
        return 0.0
    by_epoch = loop.get('by_epoch', False)
    total = loop.max_epochs if by_epoch else loop.max_iters
    steps = [r['step'] for r in records if ('loss' in r) != by_epoch]
    return max(steps, default=0) / total


@lru_cache(maxsize=None)
def _train_cfg(config: Path) -> Config:
    """Return the `train_cfg` of a run, which is looked up every few seconds."""
    return Config.fromfile(config).train_cfg
