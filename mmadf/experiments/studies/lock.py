"""The lock of a study: one study.py at a time works in a folder."""

import fcntl
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from mmadf.engine.reserve import lock_folder

# No variant has such a name.
STUDY, TRAININGS = '.study.lock', '.trainings.lock'


@contextmanager
def locked_study(work_dir: Path) -> Iterator[int]:
    """Lock the folder of a study, which is created if necessary.

    The trainings of a study that has been killed go on. The next one waits here until
    they have ended, and then finishes their runs. For this purpose there are two locks:
    one ends with this process, the other with the last process that inherits it. They
    are locks of two files, because NFS does not tell both kinds apart.

    Args:
        work_dir: folder of the study.

    Yields:
        The file descriptor of the second lock, which the trainings must inherit.

    Raises:
        ValueError: another study works in the folder.
        OSError: the folder cannot be written.
    """
    work_dir.mkdir(parents=True, exist_ok=True)
    with (
        lock_folder(work_dir, STUDY, 'study'),
        open(work_dir / TRAININGS, 'w') as trainings,
    ):
        try:
            fcntl.flock(trainings, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = (
                f'{work_dir}: waiting for the trainings of a study that was killed'
            )
            print(message, flush=True)
            fcntl.flock(trainings, fcntl.LOCK_EX)
        except OSError:
            pass  # a file system without locks, of which lock_folder has warned
        yield trainings.fileno()
