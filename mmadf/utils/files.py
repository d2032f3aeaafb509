"""Files and folders that appear whole or not at all."""

import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Union

PARTIAL = '.partial'


def atomic_write(path: Union[str, Path], content: bytes, sync: bool = True) -> None:
    """Write a file that has all its content or does not change.

    Bytes go to `<name>.partial` beside the target before that file is renamed, which
    the operating system does in one step.

    Args:
        path: file to write; its folder is made where it is missing.
        content: its bytes.
        sync: wait until they are on the disk, so that a power failure does no harm
            either; without it the process may be killed, and many files are faster.
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
    """Give a folder to fill, which becomes `root` if no error is raised.

    Args:
        root: folder to create. What an interruption has left beside it, as
            `<root>.partial`, is removed.
    """
    partial = root.with_name(root.name + PARTIAL)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    yield partial
    os.replace(partial, root)
