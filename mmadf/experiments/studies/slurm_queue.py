"""Which jobs of a study wait or run in the queue of Slurm."""

import os
import shutil
import subprocess
from typing import Container, Dict, Sequence

from mmadf.utils.messages import first_names
from mmadf.utils.optional import import_optional

from .run import Run


def check_slurm() -> None:
    """Check that jobs can be submitted, before the study is prepared.

    Raises:
        ImportError: submitit is not installed.
        FileNotFoundError: the programs of Slurm are not.
    """
    import_optional('submitit')
    for program in ('sbatch', 'srun', 'squeue'):
        if shutil.which(program) is None:
            raise FileNotFoundError(
                f'--launcher slurm: {program} not found; submit the study on a login '
                'node of the cluster, or leave the option out to run it here.'
            )


def check_no_jobs(runs: Sequence[Run]) -> None:
    """Check that no job works on a run, before it is run here.

    A host that has no access to Slurm cannot know this.

    Raises:
        ValueError: unfinished runs are in the queue.
    """
    if shutil.which('squeue') and (queued := jobs_in_queue(runs)):
        raise ValueError(
            f'{len(queued)} unfinished runs are in the queue of Slurm, as jobs '
            f'{first_names(queued.values())}, or squeue does not answer; wait for them '
            'with --launcher slurm, or cancel them with scancel.'
        )


def jobs_in_queue(runs: Sequence[Run]) -> Dict[Run, str]:
    """Return the jobs that wait or run for unfinished runs."""
    left = [run for run in runs if run.job.exists() and not run.record.exists()]
    known = {run: run.job.read_text() for run in left}
    queued = queued_jobs() if known else ()
    return {run: job for run, job in known.items() if job in queued}


def queued_jobs() -> Container[str]:
    """Return the jobs of this user that wait or run, e.g. '12_3'.

    If Slurm does not answer, as while its controller restarts, every job is assumed to
    be queued.
    """
    command = ['squeue', '--noheader', '--array', '--format=%i']
    command += ['--user', str(os.getuid())]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout.split() if done.returncode == 0 else _Everything()


class _Everything:
    """Contains every job."""

    def __contains__(self, item: object) -> bool:
        return True
