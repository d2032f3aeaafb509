"""Trains and tests one run of a study, each in a process of its own."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path
from threading import Event
from typing import IO, Dict

from mmadf.engine.work_dir import best_checkpoint

from .plan import Run

POLL_SECONDS = 2


class RunError(RuntimeError):
    """A run cannot be trained or tested; the message says why."""


class Worker:
    """Trains and tests a run with the scripts of this project.

    An interrupted run resumes from its latest checkpoint. Several workers, also of
    other processes, may share the folder of a study, because each locks its run.

    Args:
        tools: folder of `train.py` and `test.py`.
        environment: environment variables of the processes.
        stop: when it is set, the current process is terminated and no other starts.
    """

    def __init__(self, tools: Path, environment: Dict[str, str], stop: Event) -> None:
        self.tools = tools
        self.environment = environment
        self.stop = stop

    def finish(self, run: Run) -> None:
        """Train and test a run, unless it is finished.

        Raises:
            RunError: a script failed, or another process works on this run.
        """
        with open(run.work_dir / 'lock', 'w') as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise RunError('another process is working on this run') from error
            if not run.result.exists():
                options = ['--work-dir', run.work_dir, '--resume']
                self._execute('train', [run.config, *options], run, lock)
                self._test(run, lock)

    def _test(self, run: Run, lock: IO) -> None:
        checkpoint = best_checkpoint(run.work_dir)
        if checkpoint is None:
            raise RunError(
                'training left no best_*.pth; the config must validate, and set '
                'default_hooks.checkpoint.save_best'
            )
        partial = run.work_dir / 'test.partial.json'
        options = ['--work-dir', run.work_dir / 'test']
        options += ['--out', partial, '--out-item', 'metrics']
        options += ['--cfg-options', 'test_cfg.type=mmadf.ReadoutsTestLoop']
        self._execute('test', [run.config, checkpoint, *options], run, lock)
        os.replace(partial, run.result)

    def _execute(self, script: str, arguments: list, run: Run, lock: IO) -> None:
        """Run a script to its end; its output is appended to a log file."""
        if self.stop.is_set():
            raise RunError('stopped')
        log = run.work_dir / f'{script}.log'
        path = self.tools / f'{script}.py'
        with open(log, 'a') as output:
            process = subprocess.Popen(
                [sys.executable, str(path), *map(str, arguments)],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self.environment,
                # The process inherits the lock, which thus lasts as long as it does.
                pass_fds=(lock.fileno(),),
            )
        while True:
            try:
                code = process.wait(POLL_SECONDS)
                break
            except subprocess.TimeoutExpired:
                if self.stop.is_set():
                    process.terminate()
        if code:
            last = (log.read_text(errors='replace').strip().splitlines() or [''])[-1]
            raise RunError(f'{path.name} exited with code {code}: {last}; see {log}')
