"""Check data sets against the model before training starts."""

import mmcv
import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.fileio import get
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.utils import get_ori_model
from torch import nn

from mmadf.registry import HOOKS
from mmadf.weights.checkpoint import first_names


@HOOKS.register_module()
class CheckDataHook(Hook):
    """Check the classes and images of the training and validation set.

    MMPretrain's `ClassNumCheckHook` also compares the classes of backbones, which VGG
    sets to -1, and does not look at images.

    Args:
        max_images: number of images to decode in each data set, evenly spaced; 0 for
            none, -1 for all.

    Raises:
        ValueError: when training starts, if the number of classes differs from that of
            a head, or if an image cannot be read.
    """

    def __init__(self, max_images: int = 2000) -> None:
        self.max_images = max_images

    def before_train(self, runner: Runner) -> None:
        """Check both data sets."""
        model = get_ori_model(runner.model)
        for split, loop in dict(train=runner.train_loop, val=runner.val_loop).items():
            if loop is not None:
                check_classes(model, loop.dataloader.dataset, split)
                check_images(loop.dataloader.dataset, split, self.max_images)


def check_classes(model: nn.Module, dataset: BaseDataset, split: str) -> None:
    """Compare the number of classes of a data set, if it is known, with every head's.

    The heads are the submodules of `model` that have 'head' in their name and define
    `num_classes`.

    Raises:
        ValueError: the numbers differ; the message names the head and the `split`.
    """
    classes = getattr(dataset, 'metainfo', {}).get('classes')
    if classes is None:
        return
    for name, module in model.named_children():
        num_classes = getattr(module, 'num_classes', None)
        if 'head' in name and num_classes not in (None, len(classes)):
            raise ValueError(
                f'model.{name}.num_classes={num_classes}, but the {split} set has '
                f'{len(classes)} classes ({first_names(classes)}); set num_classes='
                f'{len(classes)} in the head, or check data_root.'
            )


def check_images(dataset: BaseDataset, split: str, max_images: int) -> None:
    """Decode `max_images` images of a data set of image files; others are skipped.

    Raises:
        ValueError: some of these images cannot be read; the message names the `split`.
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
            f'read: {first_names(broken)}; replace or remove them.'
        )


def _readable(path: str) -> bool:
    """Return whether the decoder of the data pipelines can read an image."""
    try:
        return mmcv.imfrombytes(get(path)) is not None
    except Exception:  # decoders raise whatever they like on broken files
        return False
