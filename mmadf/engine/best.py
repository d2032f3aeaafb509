"""The best checkpoints of a work directory, compared by the scores stored in them."""

import os
import re
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Union

import torch
from mmengine.hooks import CheckpointHook
from mmengine.logging import print_log

from mmadf.utils.messages import join_lines

NAME = re.compile(r'best_(.+)_(?:epoch|iter)_(\d+)\.pth')


class Best(NamedTuple):
    """A file best_<metric>_epoch_<step>.pth or best_<metric>_iter_<step>.pth.

    `metric` is written as in the name of the file, with '_' in place of '/'.
    """

    path: str
    metric: str
    step: int
    score: float


def stored_bests(folder: Union[str, Path]) -> Dict[str, List[Best]]:
    """Return the best checkpoints of a folder by metric; unreadable ones are left out.

    Args:
        folder: folder of checkpoints, which need not exist.
    """
    found: Dict[str, List[Best]] = {}
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
        match = NAME.fullmatch(name)
        if match is None:
            continue
        path, (metric, step) = os.path.join(folder, name), match.groups()
        score = _stored_score(path, metric)
        if score is not None:
            found.setdefault(metric, []).append(Best(path, metric, int(step), score))
    return found


def choose(bests: List[Best], rule: Optional[str] = None) -> Best:
    """Return the one with the best score; of equal ones the earliest.

    Args:
        bests: checkpoints of one metric, at least one.
        rule: 'greater' or 'less'; None infers it from the metric, as MMEngine does.
    """
    rule = rule or CheckpointHook(save_best=bests[0].metric).rules[0]
    sign = -1 if rule == 'greater' else 1
    return min(bests, key=lambda best: (sign * best.score, best.step))


def _stored_score(path: str, metric: str) -> Optional[float]:
    """Return the score that was the best when this checkpoint was written."""
    try:
        content = torch.load(path, map_location='cpu', mmap=True, weights_only=True)
        info = content['message_hub']['runtime_info']
        names = {key.replace('/', '_'): key for key in info}
        # MMEngine adds the metric to the name if there are several.
        return info[names.get(f'best_score_{metric}', 'best_score')]
    except Exception as error:  # depends on what the file is instead
        reason = join_lines(error)[:200]
        print_log(f'{path} is left out, no score can be read: {reason}', 'current')
        return None
