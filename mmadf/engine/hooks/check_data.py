"""Check data sets against each other, the model and the checkpoint."""

from typing import Any, Dict

from mmengine.dataset import BaseDataset
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import BaseLoop, Runner
from torch import nn

from mmadf.engine.data_checks import (
    check_all_classes,
    check_class_weights,
    check_trained_names,
    class_names,
    describe_renamed,
    inner_datasets,
)
from mmadf.engine.data_contents import describe_unread, images_per_class
from mmadf.engine.image_checks import check_images
from mmadf.engine.loop_checks import check_batches, check_topk
from mmadf.registry import HOOKS
from mmadf.utils.images import MAX_PIXELS
from mmadf.utils.messages import first_names

LISTED_CLASSES = 20  # larger numbers of classes are summarised


@HOOKS.register_module()
class CheckDataHook(Hook):
    """Check the classes and images of the data sets before training or testing starts.

    The class names of the training and validation set, or of the test set, are compared
    with each other and with those of a checkpoint that is tested or resumed. Their
    number is compared with that of each head and of a data preprocessor for Mixup, this
    with the class weights of the loss, and with the ranks of accuracies, those of
    MMPretrain's `Accuracy` and of heads with `cal_acc=True`. The training set must fill
    a batch. The images of each class are counted; empty classes and files that are not
    read are reported as warnings. Images are decoded before training only.

    MMPretrain's `ClassNumCheckHook` compares numbers of classes only, also those of
    backbones, which VGG sets to -1.

    Args:
        max_images: number of images to decode in each data set, evenly spaced; 0 for
            none, -1 for all.
        max_pixels: number of pixels above which these images are refused. Pillow
            refuses more than 178,956,970 in any case.

    Raises:
        ValueError: when the work starts, if class names or numbers of classes differ,
            if a loss has another number of class weights, if an accuracy needs more
            classes, if there is no batch to train on, if a label is no class, or if an
            image cannot be read.
    """

    def __init__(self, max_images: int = 2000, max_pixels: int = MAX_PIXELS) -> None:
        self.max_images = max_images
        self.max_pixels = max_pixels

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Compare the class names with those of a tested or resumed checkpoint."""
        datasets = built_datasets(runner)
        if 'train' in datasets and not runner._resume:
            return  # fine-tuning, possibly on other classes
        meta = checkpoint.get('meta') or {}
        if class_names(meta.get('dataset_meta')) is None:
            runner.logger.warning(
                'The checkpoint does not name its classes; they are not compared with '
                'those of the data.'
            )
        for split, dataset in datasets.items():
            name = runner._load_from or runner.work_dir
            check_trained_names(dataset, split, meta, name)

    def before_train(self, runner: Runner) -> None:
        """Check the training and the validation set."""
        check_batches(runner._train_loop.dataloader)
        datasets = built_datasets(runner)
        check_class_weights(_network(runner.model))
        check_all_classes(_network(runner.model), datasets)
        for split, dataset in datasets.items():
            self._check(runner, dataset, split)
            check_images(dataset, split, self.max_images, self.max_pixels)

    def before_test(self, runner: Runner) -> None:
        """Check the test set."""
        dataset = built_datasets(runner)['test']
        check_all_classes(_network(runner.model), dict(test=dataset))
        self._check(runner, dataset, 'test')

    def _check(self, runner: Runner, dataset: BaseDataset, split: str) -> None:
        loop = getattr(runner, f'_{split}_loop')
        check_topk(getattr(loop, 'evaluator', None), dataset, split)
        name_errors(dataset)
        if is_main_process():
            log_contents(runner, dataset, split)


def built_datasets(runner: Runner) -> Dict[str, BaseDataset]:
    """Return the data sets by split that the runner reads."""
    loops = dict(train=runner._train_loop, val=runner._val_loop, test=runner._test_loop)
    built = {s: loop for s, loop in loops.items() if isinstance(loop, BaseLoop)}
    return {split: loop.dataloader.dataset for split, loop in built.items()}


def _network(model: nn.Module) -> nn.Module:
    """Return the network inside wrappers for parallel training and augmented tests."""
    while isinstance(getattr(model, 'module', None), nn.Module):
        model = model.module
    return model


def log_contents(runner: Runner, dataset: BaseDataset, split: str) -> None:
    """Log the images per class; warn of empty classes and of files not read."""
    counts = images_per_class(dataset)
    if counts is None:
        return
    if len(counts) > LISTED_CLASSES:
        detail = f'{min(counts.values()):,} to {max(counts.values()):,} per class'
    else:
        detail = ', '.join(f'{name}: {count:,}' for name, count in counts.items())
    runner.logger.info(
        f'{split} set: {len(dataset):,} images in {len(counts)} classes ({detail})'
    )
    if empty := [name for name, count in counts.items() if count == 0]:
        runner.logger.warning(
            f'{split} set: {len(empty)} of {len(counts)} classes have no images: '
            f'{first_names(empty)}'
        )
    for part in inner_datasets(dataset):
        if renamed := describe_renamed(part):
            runner.logger.warning(f'{split} set: {renamed}')
        if unread := describe_unread(part):
            runner.logger.warning(
                f'{split} set: {unread}. Add other image formats to its `extensions`.'
            )


class NamedErrors:
    """A data pipeline whose errors name the image file.

    Args:
        pipeline: pipeline of a data set.
    """

    def __init__(self, pipeline: Any) -> None:
        self.pipeline = pipeline
        self.transforms = getattr(pipeline, 'transforms', ())

    def __call__(self, data: dict) -> Any:
        """Apply the pipeline."""
        path = data.get('img_path')  # before the transforms change the dict
        try:
            return self.pipeline(data)
        except Exception as error:
            error.add_note(f'while reading {path}')
            raise


def name_errors(dataset: BaseDataset) -> None:
    """Let the errors of a data set's pipeline name the image; modifies it in place."""
    for part in inner_datasets(dataset):
        pipeline = getattr(part, 'pipeline', None)
        if pipeline is not None and not isinstance(pipeline, NamedErrors):
            part.pipeline = NamedErrors(pipeline)
