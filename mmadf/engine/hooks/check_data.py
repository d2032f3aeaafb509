"""Data that do not fit are found before the first step, not in the middle."""

from typing import Sequence

import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.fileio import get
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import nn

from mmadf.engine.unwrap import unwrap
from mmadf.registry import HOOKS


@HOOKS.register_module()
class CheckDataHook(Hook):
    """Check classes and images of the data sets against the model, before training.

    Args:
        max_images: decode this many images of each data set, spread evenly over
            it; all of a smaller set, 0 for none, -1 for all.
    """

    priority = 'VERY_HIGH'

    def __init__(self, max_images: int = 2000) -> None:
        self.max_images = max_images

    def before_train(self, runner: Runner) -> None:
        """Check the training and the validation set.

        Raises:
            ValueError: number of classes differs, or an image cannot be read.
        """
        model = unwrap(runner.model)
        loops = dict(train=runner.train_loop, val=runner.val_loop)
        for split, loop in loops.items():
            if loop is not None:
                check_classes(model, loop.dataloader.dataset, split)
                check_images(loop.dataloader.dataset, split, self.max_images)


def check_classes(model: nn.Module, dataset: BaseDataset, split: str) -> None:
    """Compare the classes of a data set with the outputs of every head.

    Args:
        model: classifier; its submodules with 'head' in their name are heads, of which
            those with `num_classes` are compared.
        dataset: its `metainfo['classes']` counts; without it nothing is checked.
        split: name of the set in the error.

    Raises:
        ValueError: a head has another number of classes.
    """
    classes = getattr(dataset, 'metainfo', {}).get('classes')
    if classes is None:
        return
    for name, module in model.named_children():
        num_classes = getattr(module, 'num_classes', None)
        if 'head' in name and num_classes not in (None, len(classes)):
            raise ValueError(
                f'model.{name}.num_classes={num_classes}, but the {split} set has '
                f'{len(classes)} classes ({_first(classes)}); set num_classes='
                f'{len(classes)} in the head, or point data_root to the right folder.'
            )


def check_images(dataset: BaseDataset, split: str, max_images: int) -> None:
    """Decode images of a data set.

    Args:
        dataset: a data set of image files; others are not checked.
        split: name of the set in the error.
        max_images: how many, see `CheckDataHook`.

    Raises:
        ValueError: names all images among them that cannot be read.
    """
    if not hasattr(dataset, 'get_data_info') or max_images == 0:
        return
    count = len(dataset) if max_images < 0 else min(max_images, len(dataset))
    chosen = np.linspace(0, len(dataset) - 1, count).round().astype(int)
    paths = [dataset.get_data_info(int(i)).get('img_path') for i in chosen]
    broken = [path for path in paths if path is not None and not _readable(path)]
    if broken:
        raise ValueError(
            f'{len(broken)} of {count} checked images of the {split} set cannot be '
            f'read: {_first(broken)}; replace or remove them.'
        )


def _readable(path: str) -> bool:
    """Whether an image decodes, by the decoder that the pipelines use."""
    import mmcv

    try:
        return mmcv.imfrombytes(get(path)) is not None
    except Exception:
        return False


def _first(items: Sequence[str], count: int = 5) -> str:
    """Return the first few items as text."""
    more = ', ...' if len(items) > count else ''
    return ', '.join(map(str, items[:count])) + more
