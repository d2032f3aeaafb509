"""Checks of what the loops of a run need: batches to train on, classes for metrics."""

from typing import Optional

from mmengine.dataset import BaseDataset, InfiniteSampler
from mmengine.dist import get_world_size
from mmengine.evaluator import Evaluator
from mmpretrain.evaluation import Accuracy
from torch.utils.data import DataLoader, IterableDataset

from .data_checks import dataset_classes


def check_batches(loader: DataLoader) -> None:
    """Check that the training data loader has a batch.

    Without any, training would end at once and seem to have succeeded.

    Args:
        loader: data loader of the training set. Those without end pass: an
            InfiniteSampler joins passes, and an IterableDataset has no length.

    Raises:
        ValueError: there is no batch; the message names what decides about it.
    """
    if isinstance(loader.sampler, InfiniteSampler):
        return
    if isinstance(loader.dataset, IterableDataset) or len(loader):
        return
    count = get_world_size()
    shared = f' in {count} processes' if count > 1 else ''
    raise ValueError(
        f'train_dataloader: {len(loader.dataset):,} images{shared} do not fill a batch '
        f'of batch_size={loader.batch_size}, and drop_last={loader.drop_last} leaves '
        'out incomplete batches; set drop_last=False, or a smaller batch_size.'
    )


def check_topk(
    evaluator: Optional[Evaluator], dataset: BaseDataset, split: str
) -> None:
    """Compare the ranks of the accuracies with the number of classes, if it is known.

    Args:
        evaluator: evaluator of the data set; None for the training set. One without
            `metrics` is not checked.
        dataset: data set whose classes are counted.
        split: its name, for the message.

    Raises:
        ValueError: there are fewer classes than the largest rank.
    """
    classes = dataset_classes(dataset)
    for metric in getattr(evaluator, 'metrics', ()) if classes else ():
        if isinstance(metric, Accuracy) and max(metric.topk) > len(classes):
            raise ValueError(
                f'{split}_evaluator: Accuracy(topk={metric.topk}) needs at least '
                f'{max(metric.topk)} classes, but the {split} set has {len(classes)}; '
                f'set topk=(1,) in {split}_evaluator.'
            )
