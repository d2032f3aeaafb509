"""Predictions of a network for a whole test set, and what kind of images it holds."""

import os
from collections import defaultdict
from typing import Dict, Iterable, List, NamedTuple, Optional, Set

import torch
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.registry import DefaultScope
from mmpretrain.registry import DATASETS
from mmpretrain.structures import DataSample
from torch import Tensor, nn

from mmadf.engine.data_checks import path_in_dataset
from mmadf.engine.readouts import chosen_readout, predict_readouts
from mmadf.utils.optional import import_optional

TEST = 'test images'
VALIDATION = 'validation images, which also selected the best checkpoint'


class WrongImage(NamedTuple):
    """An image with a wrong prediction.

    `inputs`, (3, H, W), is what the pipeline returns; `path` its file, if it has one;
    `index` its position in the test set; `truth` and `predicted` are classes, and
    `truth_score` and `score` their probabilities.
    """

    inputs: Tensor
    path: Optional[str]
    index: int
    truth: int
    predicted: int
    truth_score: float
    score: float


class Predictions(NamedTuple):
    """Predictions for N images.

    `scores` has the probabilities of every readout, (N, num_classes) each, on the CPU;
    the only readout of other classifiers is 'prediction'. `labels`, (N,), are the true
    classes. `chosen` is the readout that the network predicts with, and `most_wrong`
    the wrong predictions of it with the lowest probability of the true class.
    """

    scores: Dict[str, Tensor]
    labels: Tensor
    chosen: str
    most_wrong: List[WrongImage]


@torch.no_grad()
def collect_predictions(
    model: nn.Module, batches: Iterable[dict], keep: int
) -> Predictions:
    """Predict a test set.

    Args:
        model: a classifier in evaluation mode.
        batches: data loader of the test set.
        keep: largest number of wrong predictions to keep with their images.
    """
    scores: Dict[str, List[Tensor]] = defaultdict(list)
    labels: List[Tensor] = []
    wrong: List[WrongImage] = []
    chosen = chosen_readout(model)
    for batch in import_optional('tqdm').tqdm(batches, desc='test', unit='batch'):
        predictions = predict_readouts(model, batch)
        wrong += _wrong_images(batch['inputs'], predictions[chosen], len(labels))
        wrong = sorted(wrong, key=lambda x: (x.truth_score, -x.score, x.index))[:keep]
        for readout, samples in predictions.items():
            scores[readout] += [sample.pred_score.cpu() for sample in samples]
        labels += [sample.gt_label.cpu() for sample in samples]
    stacked = {name: torch.stack(rows) for name, rows in scores.items()}
    return Predictions(stacked, torch.cat(labels), chosen, wrong)


def _wrong_images(
    inputs: Iterable[Tensor], samples: List[DataSample], start: int
) -> List[WrongImage]:
    """Return the wrong predictions of a batch that starts at the index `start`."""
    found = []
    for index, (image, sample) in enumerate(zip(inputs, samples, strict=True), start):
        scores, truth = sample.pred_score, int(sample.gt_label)
        predicted = int(scores.argmax())
        if predicted != truth:
            both = scores[[truth, predicted]].tolist()
            path = sample.get('img_path')
            found.append(WrongImage(image, path, index, truth, predicted, *both))
    return found


def kind_of_images(cfg: Config, dataset: BaseDataset) -> str:
    """Return whether a test set consists of test images or of validation images.

    Args:
        cfg: config of the run.
        dataset: its test set.

    Returns:
        `TEST`, or `VALIDATION` if the validation set of the run contains some of the
        images, or has the same config.
    """
    val, test = (
        (cfg.get(f'{split}_dataloader') or {}).get('dataset') or {}
        for split in ('val', 'test')
    )
    if not val:
        return TEST
    if {**val, 'pipeline': None} == {**test, 'pipeline': None}:
        return VALIDATION
    try:
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            shared = _paths(DATASETS.build(val)) & _paths(dataset)
    except FileNotFoundError:  # the validation images are not on this machine
        return TEST
    return VALIDATION if shared else TEST


def _paths(dataset: BaseDataset) -> Set[str]:
    """Return the paths of the images, empty for data sets of another kind."""
    if not hasattr(dataset, 'get_data_info'):
        return set()
    infos = (dataset.get_data_info(index) for index in range(len(dataset)))
    return {os.path.realpath(i['img_path']) for i in infos if i.get('img_path')}


def image_name(image: WrongImage, dataset: BaseDataset) -> str:
    """Return the name of an image: its path below the root of the data, or its index.

    The path of a file elsewhere is left out except for its name.

    Args:
        image: with or without a file.
        dataset: test set.
    """
    if image.path is None:
        return f'image {image.index}'
    return str(path_in_dataset(image.path, dataset))
