"""Trains and tests one run of a study, each in a process of its own."""

import fcntl
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import IO, Dict, Optional, Sequence

from mmadf.engine.work_dir import best_checkpoint

from .records import note_version, write_record
from .run import Run

# MMEngine imports it by its full name.
TEST_LOOP = 'mmadf.experiments.studies.testing.RecordingTestLoop'
POLL_SECONDS = 2
# The scripts end with these codes if a signal stops them; see `PreemptionHook`.
INTERRUPTED = (os.EX_TEMPFAIL, -signal.SIGTERM)


class RunError(RuntimeError):
    """A run cannot be trained or tested; the message says why."""


class RunInterruptedError(RunError):
    """A signal has stopped a training, which can be resumed."""


class RunLockedError(RunError):
    """Another study works on a run."""


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
        self.process: Optional[subprocess.Popen] = None

    def finish(self, run: Run, wait: bool = False) -> None:
        """Train and test a run and write its record, unless it has one.

        The training of a study that has been killed goes on and keeps the lock of its
        run. This function waits until it ends, and then tests the run.

        Args:
            run: the run.
            wait: whether to also wait for the run of a study that still runs.

        Raises:
            RunLockedError: another study works on this run, and `wait` is not set.
            RunError: a script failed, the worker was stopped, or a file of the run is
                damaged.
        """
        with open(run.work_dir / 'lock', 'a+') as lock:
            self._acquire(lock, wait)
            # The processes inherit the lock, which thus lasts as long as they do.
            self.complete(run, pass_fds=(lock.fileno(),))

    def complete(self, run: Run, pass_fds: Sequence[int] = ()) -> None:
        """Train and test a run and write its record, unless it has one.

        Args:
            run: the run, which no other worker may work on.
            pass_fds: file descriptors that the processes inherit.

        Raises:
            RunInterruptedError: a signal has stopped the training.
            RunError: a script failed, the worker was stopped, or a file of the run is
                damaged.
        """
        if run.record.exists():
            return
        if not run.result.exists():
            self._train(run, pass_fds)
            self._test(run, pass_fds)
        try:
            write_record(run)
        except (FileNotFoundError, ValueError) as error:
            raise RunError(str(error)) from error

    def interrupt(self, wait: bool = False) -> None:
        """Terminate the current process; training writes a checkpoint first.

        It may be called by a signal handler.

        Args:
            wait: whether to wait for its end.
        """
        process = self.process
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError, ChildProcessError):
            os.kill(process.pid, signal.SIGTERM)
            if wait:  # without the locks of Popen, which the interrupted code may hold
                os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

    def _acquire(self, lock: IO, wait: bool) -> None:
        """Lock a run, and note the process in the file of the lock."""
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if not (wait or _is_abandoned(lock)):
                    raise RunLockedError(
                        'another study is working on this run'
                    ) from error
            if self.stop.wait(POLL_SECONDS):
                raise RunError('stopped')
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()

    def _train(self, run: Run, pass_fds: Sequence[int]) -> None:
        note_version(run)
        options = ['--work-dir', run.work_dir, '--resume']
        self._execute('train', [run.config, *options], run, pass_fds)

    def _test(self, run: Run, pass_fds: Sequence[int]) -> None:
        checkpoint = best_checkpoint(run.work_dir)
        if checkpoint is None:
            raise RunError(
                'training left no best_*.pth; the config must validate, and set '
                'default_hooks.checkpoint.save_best; if the file has been removed, '
                f'remove {run.work_dir} to train again'
            )
        options = ['--work-dir', run.result.parent]
        options += ['--cfg-options', f'test_cfg.type={TEST_LOOP}']
        self._execute('test', [run.config, checkpoint, *options], run, pass_fds)

    def _execute(
        self, script: str, arguments: list, run: Run, pass_fds: Sequence[int]
    ) -> None:
        """Run a script to its end; its output is appended to a log file."""
        if self.stop.is_set():
            raise RunError('stopped')
        log = run.work_dir / f'{script}.log'
        path = self.tools / f'{script}.py'
        with open(log, 'a') as output:
            self.process = subprocess.Popen(
                [sys.executable, str(path), *map(str, arguments)],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self.environment,
                pass_fds=pass_fds,
            )
        while True:
            try:
                code = self.process.wait(POLL_SECONDS)
                break
            except subprocess.TimeoutExpired:
                if self.stop.is_set():
                    self.process.terminate()
        if code:
            last = (log.read_text(errors='replace').strip().splitlines() or [''])[-1]
            kind = RunInterruptedError if code in INTERRUPTED else RunError
            raise kind(f'{path.name} exited with code {code}: {last}; see {log}')


def _is_abandoned(lock: IO) -> bool:
    """Return whether the study that locked a run has ended, so that none tests it."""
    lock.seek(0)
    owner = lock.read()
    try:
        os.kill(int(owner), 0)
    except ProcessLookupError:
        return True
    except (ValueError, PermissionError):  # being written; a process of another user
        return False
    return False
