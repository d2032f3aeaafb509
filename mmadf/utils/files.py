"""Atomic writing of files and directories."""

import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Optional, Union

PARTIAL = '.partial'


def atomic_write(path: Union[str, Path], content: bytes, sync: bool = True) -> None:
    """Write a file atomically: it has the new content or the former one, never a part.

    The content is written to `<name>.partial` beside the target, which is then renamed.

    Args:
        path: file to write; its directory is created if necessary.
        content: content of the file.
        sync: whether to flush the content to disk before renaming, which also protects
            against power failures but is slow for many files.

    Raises:
        IsADirectoryError: `path` is a folder.
        OSError: the file cannot be written.
    """
    if os.path.isdir(path):
        raise IsADirectoryError(f'{path} is a folder; give the name of a file.')
    partial = f'{path}{PARTIAL}'
    os.makedirs(os.path.dirname(partial) or '.', exist_ok=True)
    with open(partial, 'wb') as file:
        file.write(content)
        if sync:
            file.flush()
            os.fsync(file.fileno())
    os.replace(partial, path)


@contextmanager
def locked_folder(path: Path, wait: bool) -> Iterator[None]:
    """Hold the lock of a directory, which is created if necessary.

    The directory may be renamed or removed meanwhile. The lock ends with the block or
    with the process, also if it is killed.

    Args:
        path: directory to lock.
        wait: whether to wait while another process holds the lock.

    Raises:
        BlockingIOError: another process holds the lock, and `wait` is False.
        OSError: the path is a file or a link, or cannot be created.
    """
    folder = None
    while folder is None:
        folder = _try_lock(path, wait)
    try:
        yield
    finally:
        os.close(folder)


def _try_lock(path: Path, wait: bool) -> Optional[int]:
    """Return the descriptor of the locked directory, or None if it was renamed."""
    import fcntl  # not on Windows, where the package can still be imported

    path.mkdir(parents=True, exist_ok=True)
    try:
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except FileNotFoundError:  # renamed since the line above
        return None
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        if path.exists() and os.path.samestat(os.fstat(folder), path.lstat()):
            return folder
    except BlockingIOError as error:
        os.close(folder)
        raise BlockingIOError(
            f'{path} is being written by another process; repeat the command when that '
            'process has ended.'
        ) from error
    os.close(folder)
    return None


@contextmanager
def atomic_folder(root: Path) -> Iterator[Path]:
    """Create a directory atomically: yield one to fill, which is renamed on success.

    A process that creates the same directory waits for the end of the other.

    Args:
        root: directory to create. `<root>.partial`, which an earlier interruption may
            have left, is emptied first.

    Raises:
        FileExistsError: `root` exists, possibly because another process has created it
            meanwhile.
    """
    partial = root.with_name(root.name + PARTIAL)
    with locked_folder(partial, wait=True):
        if os.path.lexists(root):
            shutil.rmtree(partial)
            raise FileExistsError(f'{root} exists; remove it, or choose another one.')
        for entry in list(os.scandir(partial)):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path)
            else:
                os.unlink(entry.path)
        yield partial
        os.replace(partial, root)
