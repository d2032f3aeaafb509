"""The work directory of a run, and checkpoints."""

import os
import zipfile
from glob import escape, glob
from pathlib import Path
from typing import Optional, Union

from mmengine.logging import print_log
from mmengine.runner import find_latest_checkpoint

from .best import choose, stored_bests


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
    """Return the best_*.pth with the best stored score, or None without any.

    Args:
        work_dir: directory of a training run.

    Raises:
        ValueError: there are best checkpoints of several metrics.
    """
    paths = glob(f'{escape(str(work_dir))}/best_*.pth')
    if len(paths) < 2:
        return next(iter(paths), None)
    found = stored_bests(work_dir)
    if len(found) != 1:
        raise ValueError(
            f'{str(work_dir)!r} has best checkpoints of {len(found)} metrics with a '
            f'stored score ({", ".join(map(os.path.basename, sorted(paths)))}); keep '
            'those of one metric.'
        )
    (bests,) = found.values()
    return choose(bests).path
