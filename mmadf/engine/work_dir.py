"""The folder of a training run: its name, and which of its checkpoints to take."""

import os
import zipfile
from glob import escape, glob
from pathlib import Path
from typing import Optional, Union

from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.runner import find_latest_checkpoint


def default_work_dir(config: str) -> str:
    """Return the work directory of a config file that names none."""
    return str(Path('work_dirs') / Path(config).stem)


def resume_from_latest(cfg: Config) -> None:
    """Resume from the newest whole checkpoint in `cfg.work_dir`, else start anew."""
    cfg.resume = True
    cfg.load_from = latest_checkpoint(cfg.work_dir)


def latest_checkpoint(work_dir: str) -> Optional[str]:
    """Return the newest checkpoint of a work directory that is whole.

    Args:
        work_dir: folder of a training run.

    Returns:
        The path that `last_checkpoint` names, or, where that file or the
        checkpoint is missing or torn, the newest epoch_*.pth or iter_*.pth that is
        whole; None without any.
    """
    named = None
    if os.path.exists(os.path.join(work_dir, 'last_checkpoint')):
        named = find_latest_checkpoint(work_dir)
    folder = escape(str(work_dir))
    saved = glob(f'{folder}/epoch_*.pth') + glob(f'{folder}/iter_*.pth')
    by_age = sorted(saved, key=os.path.getmtime, reverse=True)
    for path in filter(None, [named, *by_age]):
        if zipfile.is_zipfile(path):
            return path
        print_log(f'{path} is missing or torn, looking for another', 'current')
    return None


def best_checkpoint(work_dir: Union[str, Path]) -> Optional[str]:
    """Return the newest `best_*.pth` of a work directory, None without any."""
    return max(
        glob(f'{escape(str(work_dir))}/best_*.pth'), key=os.path.getmtime, default=None
    )
