"""A work directory belongs to one run, which one process at a time works on."""

import errno
import fcntl
import os
import shutil
import socket
from pathlib import Path
from typing import IO, List, Union

from mmengine.logging import print_log

from mmadf.utils.messages import first_names

from .work_dir import INTERRUPTED

LOCK = 'train.lock'
CHECKPOINTS = (
    'epoch_*.pth*',
    'iter_*.pth*',
    'best_*.pth*',
    f'{INTERRUPTED}*',
    'last_checkpoint',
)
RECORDS = '*/vis_data/scalars.json'


class Reservation:
    """The lock on a work directory, and what an earlier run has left in it.

    The lock lasts until the object is deleted, or the process ends.

    Args:
        work_dir: directory of a training run, which is created if necessary.
        resume: whether the run continues the one that is in the directory.
        overwrite: whether to replace the one that is in the directory.

    Raises:
        ValueError: both `resume` and `overwrite` are set; another process holds the
            lock; or there are checkpoints or training logs and neither is set.
        OSError: the directory is not writable, or the disk is full.
    """

    def __init__(
        self, work_dir: Union[str, Path], resume: bool = False, overwrite: bool = False
    ) -> None:
        if resume and overwrite:
            raise ValueError(
                '--overwrite starts a new run, but the config sets resume=True; remove '
                '--overwrite to continue the earlier run, or add --cfg-options '
                'resume=False load_from=None.'
            )
        folder = Path(work_dir)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.lock = lock_folder(folder, LOCK, 'training')
        except OSError as error:
            raise OSError(
                f'work_dir={str(work_dir)!r} cannot be written: {error.strerror}; '
                'choose another one with --work-dir.'
            ) from error
        earlier = files_of_runs(folder)
        if earlier and not (resume or overwrite):
            names = first_names(path.name for path in earlier)
            raise ValueError(
                f'work_dir={str(work_dir)!r} contains another run ({names}); continue '
                'it with --resume, replace it with --overwrite, or choose another '
                '--work-dir.'
            )
        self.outdated = earlier if overwrite else []

    def remove_earlier_run(self) -> None:
        """Remove the files that are replaced; later calls do nothing."""
        for path in self.outdated:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        self.outdated = []


def lock_folder(folder: Path, name: str, user: str) -> IO[str]:
    """Lock a work directory; the kernel releases the lock when the process ends.

    Args:
        folder: the directory, which must exist.
        name: file of the lock in it; its content is the host and number of the process.
        user: what the process is for, 'training' or 'study'.

    Returns:
        The file of the lock, which lasts until the file is closed.

    Raises:
        ValueError: another process holds the lock.
        OSError: the directory is not writable, or the disk is full.
    """
    path = folder / name
    lock = path.open('a+')  # not truncated before it is ours
    try:
        # A lock of lockf, unlike one of flock, is not inherited by the workers of data
        # loaders, which outlive a killed process for some seconds.
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN):
            holder = path.read_text().strip() or 'unknown'
            raise ValueError(
                f'work_dir={str(folder)!r} is in use by another {user} ({holder}); '
                'wait for its end, or choose another work_dir.'
            ) from error
        print_log(
            f'{path} cannot be locked ({error.strerror}): make sure that no other '
            f'{user} uses this work directory.'
        )
    lock.truncate(0)
    lock.write(f'host {socket.gethostname()}, process {os.getpid()}\n')
    lock.flush()
    return lock


def files_of_runs(folder: Path) -> List[Path]:
    """Return the checkpoints and the log folders of training runs in a folder."""
    checkpoints = [path for name in CHECKPOINTS for path in sorted(folder.glob(name))]
    records = [path for path in sorted(folder.glob(RECORDS)) if path.stat().st_size]
    return checkpoints + [path.parents[1] for path in records]
