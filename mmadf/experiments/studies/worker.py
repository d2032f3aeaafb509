"""Trains and tests one run of a study, each in a process of its own."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Dict, Optional, Sequence

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
    """A signal or the end of the study has stopped a run, which can be resumed."""


class Worker:
    """Trains and tests a run with the scripts of this project.

    An interrupted run resumes from its latest checkpoint.

    Args:
        tools: folder of `train.py` and `test.py`.
        environment: environment variables of the processes.
        stop: when it is set, the current process is terminated and no other starts.
        pass_fds: file descriptors that the processes inherit, see `locked_study`.
    """

    def __init__(
        self,
        tools: Path,
        environment: Dict[str, str],
        stop: Event,
        pass_fds: Sequence[int] = (),
    ) -> None:
        self.tools = tools
        self.environment = environment
        self.stop = stop
        self.pass_fds = pass_fds
        self.process: Optional[subprocess.Popen] = None

    def finish(self, run: Run) -> None:
        """Train and test a run and write its record, unless it has one.

        Args:
            run: the run, which no other worker may work on.

        Raises:
            RunInterruptedError: the run was stopped.
            RunError: a script failed, or a file of the run is damaged.
        """
        if run.record.exists():
            return
        if not run.result.exists():
            self._train(run)
            self._test(run)
        try:
            write_record(run)
        except (FileNotFoundError, ValueError) as error:
            raise RunError(str(error)) from error

    def interrupt(self) -> None:
        """Terminate the current process and wait for its end.

        Training writes a checkpoint first. A signal handler may call this function.
        """
        process = self.process
        if process is None or process.returncode is not None:
            return
        # Without the locks of Popen, which the interrupted code may hold.
        with suppress(ProcessLookupError, ChildProcessError):
            os.kill(process.pid, signal.SIGTERM)
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

    def _train(self, run: Run) -> None:
        note_version(run)
        options = ['--work-dir', run.work_dir, '--resume']
        self._execute('train', [run.config, *options], run)

    def _test(self, run: Run) -> None:
        checkpoint = best_checkpoint(run.work_dir)
        if checkpoint is None:
            raise RunError(
                'training left no best_*.pth; the config must validate, and set '
                'default_hooks.checkpoint.save_best; if the file has been removed, '
                f'remove {run.work_dir} to train again'
            )
        options = ['--work-dir', run.result.parent]
        options += ['--cfg-options', f'test_cfg.type={TEST_LOOP}']
        self._execute('test', [run.config, checkpoint, *options], run)

    def _execute(self, script: str, arguments: list, run: Run) -> None:
        """Run a script to its end; its output is appended to a log file."""
        if self.stop.is_set():
            raise RunInterruptedError('stopped')
        log = run.work_dir / f'{script}.log'
        path = self.tools / f'{script}.py'
        with open(log, 'a') as output:
            self.process = subprocess.Popen(
                [sys.executable, str(path), *map(str, arguments)],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self.environment,
                pass_fds=self.pass_fds,
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
