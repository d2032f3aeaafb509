"""Atomic writing of files and directories."""

import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Union

PARTIAL = '.partial'


def atomic_write(path: Union[str, Path], content: bytes, sync: bool = True) -> None:
    """Write a file atomically: it has the new content or the former one, never a part.

    The content is written to `<name>.partial` beside the target, which is then renamed.

    Args:
        path: file to write; its directory is created if necessary.
        content: content of the file.
        sync: whether to flush the content to disk before renaming, which also protects
            against power failures but is slow for many files.
    """
    partial = f'{path}{PARTIAL}'
    os.makedirs(os.path.dirname(partial) or '.', exist_ok=True)
    with open(partial, 'wb') as file:
        file.write(content)
        if sync:
            file.flush()
            os.fsync(file.fileno())
    os.replace(partial, path)


@contextmanager
def atomic_folder(root: Path) -> Iterator[Path]:
    """Create a directory atomically: yield one to fill, which is renamed on success.

    Args:
        root: directory to create. `<root>.partial`, which an earlier interruption may
            have left, is removed first.
    """
    partial = root.with_name(root.name + PARTIAL)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    yield partial
    os.replace(partial, root)
