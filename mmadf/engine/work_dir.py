"""The work directory of a run, and its checkpoints."""

import os
import re
from glob import escape, glob
from pathlib import Path
from typing import List, Optional, Union

from mmengine.logging import print_log

from mmadf.weights.checkpoint import check_whole_file

from .best import choose, stored_bests

CONFIG_ENDINGS = ('.py', '.json', '.yml', '.yaml')
NUMBERED = re.compile(r'(?:epoch|iter)_(\d+)\.pth')
# Written when a signal stops training, and removed after the next regular checkpoint.
INTERRUPTED = 'interrupted.pth'


def default_work_dir(config: str) -> str:
    """Return the work directory of a config that does not set one.

    Args:
        config: path of a config file, whose ending is removed, or the name of a model
            or a folder, which may contain dots.
    """
    path = Path(config)
    name = path.stem if path.suffix in CONFIG_ENDINGS else path.name
    return str(Path('work_dirs') / name)


def latest_checkpoint(work_dir: Union[str, Path]) -> Optional[str]:
    """Return the newest whole checkpoint of a work directory.

    Args:
        work_dir: directory of a training run.

    Returns:
        The checkpoint that the file `last_checkpoint` names. If either is missing or
        damaged, `interrupted.pth`, or else the whole epoch_*.pth or iter_*.pth with the
        highest number; None if there is no such file.

    Raises:
        ValueError: there are checkpoints, and all of them are damaged.
    """
    numbered = {
        path: int(match[1])
        for path in glob(f'{escape(str(work_dir))}/*_*.pth')
        if (match := NUMBERED.fullmatch(os.path.basename(path)))
    }
    newest_first = sorted(numbered, key=numbered.get, reverse=True)
    interrupted = os.path.join(work_dir, INTERRUPTED)
    if os.path.exists(interrupted):
        newest_first.insert(0, interrupted)
    for path in dict.fromkeys([*_named_checkpoint(work_dir), *newest_first]):
        try:
            check_whole_file(path)
            return path
        except (OSError, ValueError) as error:
            print_log(f'Not resumed from {path}: {error}')
    if newest_first:
        raise ValueError(
            f'work_dir={str(work_dir)!r}: none of its {len(newest_first)} checkpoints '
            'is whole; restore one of them, or start anew with --overwrite.'
        )
    return None


def _named_checkpoint(work_dir: Union[str, Path]) -> List[str]:
    """Return what `last_checkpoint` names, which need not exist, as a list.

    In a folder that has been moved or copied, it is the file of that name there.
    """
    try:
        text = Path(work_dir, 'last_checkpoint').read_text().strip()
    except (OSError, ValueError):  # no such file, or not text
        return []
    if not (text.endswith('.pth') and text.isprintable()):
        return []
    here = os.path.join(work_dir, os.path.basename(text))
    return [here if os.path.exists(here) else text]


def check_checkpoint(path: str) -> None:
    """Reject a path that leads to no whole checkpoint, without loading it.

    Args:
        path: path of a file; addresses such as https://... are not checked.

    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: it is no checkpoint of PyTorch, or is damaged.
    """
    path = os.path.expanduser(path)
    if '://' in path or os.path.isdir(path):
        return
    if not os.path.exists(path):
        raise FileNotFoundError(f'checkpoint {path!r} does not exist.')
    check_whole_file(path)


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
            f'stored score ({", ".join(map(os.path.basename, sorted(paths)))}); '
            'report.py takes one of them as --checkpoint, and a study needs save_best '
            'of one metric.'
        )
    (bests,) = found.values()
    return choose(bests).path
