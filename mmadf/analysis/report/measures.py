"""Numbers of a report: accuracy by readout and by class, confusions between classes."""

from typing import Dict, List, NamedTuple, Sequence

import torch
from mmpretrain.evaluation import Accuracy, ConfusionMatrix, SingleLabelMetric
from torch import Tensor

NAMES = dict(semantic='fused', appearance='appearance head', sum='sum of both')


class OfClass(NamedTuple):
    """Predictions for the images of one class: numbers of images, and shares in %.

    `accuracy` is the share of the images that are predicted as their class, also called
    recall; `precision` the share of the predictions of the class that are right. They
    are NaN if there is no such image or prediction.
    """

    name: str
    images: int
    correct: int
    accuracy: float
    precision: float


class Confusion(NamedTuple):
    """Images of the class `truth` that are predicted as another class.

    `share` is their share of all images of their class in %.
    """

    truth: str
    predicted: str
    images: int
    share: float


def topk_by_readout(
    scores: Dict[str, Tensor], labels: Tensor, fused: bool
) -> Dict[str, Dict[str, float]]:
    """Return top-1 accuracy in %, with more than 5 classes also top-5, by readout.

    Args:
        scores: probabilities by readout, (N, num_classes) each.
        labels: true classes, (N,).
        fused: whether the network has mappers, so that its semantic head is fused.
    """
    names = NAMES if fused else {**NAMES, 'semantic': 'semantic head'}
    found = {}
    for readout, probabilities in scores.items():
        topk = (1, 5) if probabilities.shape[1] > 5 else (1,)
        of_readout = Accuracy.calculate(probabilities, labels, topk=topk)
        values = (thresholds[0].item() for thresholds in of_readout)
        columns = (f'top-{k} (%)' for k in topk)
        found[names.get(readout, readout)] = dict(zip(columns, values, strict=True))
    return found


def confusion_matrix(scores: Tensor, labels: Tensor) -> Tensor:
    """Return numbers of images by true class (rows) and predicted class (columns)."""
    return ConfusionMatrix.calculate(scores, labels, num_classes=scores.shape[1])


def by_class(scores: Tensor, labels: Tensor, classes: Sequence[str]) -> List[OfClass]:
    """Return the accuracy of every class, the lowest first, unknown ones last.

    Args:
        scores: probabilities, (N, num_classes).
        labels: true classes, (N,).
        classes: names of the classes.
    """
    predicted, count = scores.argmax(1), len(classes)
    precision, recall, _, images = SingleLabelMetric.calculate(
        predicted, labels, average=None, num_classes=count
    )
    correct = labels[predicted == labels].bincount(minlength=count)
    recall[images == 0] = torch.nan  # MMPretrain gives 0
    precision[predicted.bincount(minlength=count) == 0] = torch.nan
    columns = images.int(), correct, recall, precision
    rows = zip(classes, *(column.tolist() for column in columns), strict=True)
    known = (OfClass(*row) for row in rows)
    return sorted(known, key=lambda row: (row.images == 0, row.accuracy))


def most_confused(
    matrix: Tensor, classes: Sequence[str], keep: int = 15
) -> List[Confusion]:
    """Return the pairs of a true and a predicted class with the most images.

    Args:
        matrix: see `confusion_matrix`.
        classes: names of the classes.
        keep: largest number of pairs.
    """
    wrong = matrix - matrix.diag().diag()
    counts, places = wrong.flatten().sort(descending=True, stable=True)
    shares = 100 * wrong / matrix.sum(1, keepdim=True).clamp(min=1)
    found = []
    for images, place in zip(counts[:keep].tolist(), places.tolist(), strict=False):
        truth, predicted = divmod(place, len(classes))
        share = shares[truth, predicted].item()
        if images:
            found.append(Confusion(classes[truth], classes[predicted], images, share))
    return found
