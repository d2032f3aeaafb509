"""Training sets without a batch, and accuracies that need more classes."""

from types import SimpleNamespace

import pytest
from mmengine.dataset import InfiniteSampler
from mmpretrain.evaluation import Accuracy, RetrievalRecall
from torch.utils.data import DataLoader, IterableDataset

from mmadf.engine.loop_checks import check_batches, check_topk
from mmadf.engine.loops import ResumableTrainLoop
from mmadf.engine.readouts import ReadoutEvaluators


def loader(images, **fields):
    return DataLoader(list(range(images)), batch_size=8, **fields)


def test_training_set_without_a_whole_batch_is_refused_with_drop_last():
    for images, drop_last in [(8, True), (7, False), (1, False)]:
        check_batches(loader(images, drop_last=drop_last))
    message = '^train_dataloader: 7 images do not .* batch_size=8, and drop_last=True'
    with pytest.raises(ValueError, match=message):
        check_batches(loader(7, drop_last=True))


def test_number_of_processes_is_named(monkeypatch):
    monkeypatch.setattr('mmadf.engine.loop_checks.get_world_size', lambda: 2)
    with pytest.raises(ValueError, match='7 images in 2 processes do not fill'):
        check_batches(loader(7, drop_last=True))


class Stream(IterableDataset):
    """Images without a number."""

    def __iter__(self):
        yield from range(100)


def test_data_loaders_without_end_pass():
    few = list(range(7))
    check_batches(loader(7, drop_last=True, sampler=InfiniteSampler(few)))
    check_batches(DataLoader(Stream(), batch_size=8, drop_last=True))


def test_training_by_epochs_is_refused_before_its_schedules_are_built():
    runner = SimpleNamespace(visualizer=SimpleNamespace())
    with pytest.raises(ValueError, match='7 images do not fill a batch'):
        ResumableTrainLoop(runner, loader(7, drop_last=True), max_epochs=2)


def evaluator(*metrics):
    return SimpleNamespace(metrics=metrics)


def dataset(count):
    return SimpleNamespace(metainfo=dict(classes=[f'{i}' for i in range(count)]))


def test_accuracy_of_more_ranks_than_classes_is_refused():
    top5 = evaluator(RetrievalRecall(topk=9), Accuracy(topk=1), Accuracy(topk=(1, 5)))
    message = r'^val_evaluator: Accuracy\(topk=\(1, 5\)\) needs at least 5 .* set has 4'
    for evaluators in (top5, ReadoutEvaluators('semantic', top5)):
        check_topk(evaluators, dataset(5), 'val')
        with pytest.raises(ValueError, match=message):
            check_topk(evaluators, dataset(4), 'val')


def test_accuracies_are_not_compared_with_unknown_classes_or_without_an_evaluator():
    check_topk(evaluator(Accuracy(topk=(1, 5))), SimpleNamespace(), 'val')
    check_topk(None, dataset(4), 'train')
    check_topk(object(), dataset(4), 'val')
