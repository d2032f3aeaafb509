"""The work directory of a run, and checkpoints."""

import os
import zipfile
from glob import escape, glob
from pathlib import Path
from typing import Optional, Union

from mmengine.logging import print_log
from mmengine.runner import find_latest_checkpoint


def default_work_dir(config: str) -> str:
    """Return the work directory of a config that does not set one."""
    return str(Path('work_dirs') / Path(config).stem)


def latest_checkpoint(work_dir: Union[str, Path]) -> Optional[str]:
    """Return the newest complete checkpoint of a work directory.

    Args:
        work_dir: directory of a training run.

    Returns:
        The checkpoint that the file `last_checkpoint` names. If either is missing or
        truncated, the newest complete epoch_*.pth or iter_*.pth; None without any.
    """
    named = find_latest_checkpoint(str(work_dir))
    folder = escape(str(work_dir))
    saved = glob(f'{folder}/epoch_*.pth') + glob(f'{folder}/iter_*.pth')
    newest_first = sorted(saved, key=os.path.getmtime, reverse=True)
    for path in filter(None, [named, *newest_first]):
        if zipfile.is_zipfile(path):
            return path
        print_log(f'{path} is missing or truncated, trying the next one', 'current')
    return None


def check_checkpoint(path: str) -> None:
    """Reject a path that leads to no checkpoint, without loading it.

    Args:
        path: path of a file; addresses such as https://... are not checked.

    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: it is neither a complete zip archive, as PyTorch writes, nor a
            pickle, as PyTorch wrote before version 1.6.
    """
    path = os.path.expanduser(path)
    if '://' in path or os.path.isdir(path):
        return
    if not os.path.exists(path):
        raise FileNotFoundError(f'checkpoint {path!r} does not exist.')
    with open(path, 'rb') as file:
        is_pickle = file.read(1) == b'\x80'
    if not is_pickle and not zipfile.is_zipfile(path):
        raise ValueError(f'{path!r} is not a checkpoint of PyTorch, or is truncated.')


def best_checkpoint(work_dir: Union[str, Path]) -> Optional[str]:
    """Return the newest best_*.pth of a work directory, or None without any."""
    return max(
        glob(f'{escape(str(work_dir))}/best_*.pth'), key=os.path.getmtime, default=None
    )
