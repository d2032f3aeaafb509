"""Calibration: whether the confidence of predictions equals their accuracy."""

from typing import List, NamedTuple, Sequence

import numpy as np
import torch

from mmadf.utils.optional import import_optional

BINS = 15
# torchmetrics counts images of confidence 1 in a bin of their own, beyond the last.
BELOW_ONE = 1 - 1e-12


class Bin(NamedTuple):
    """Images whose predictions have about the same confidence.

    `low` and `high` are the bounds of the confidence, `confidence` and `accuracy` the
    means over the images of the bin; NaN for a bin without images.
    """

    low: float
    high: float
    images: int
    confidence: float
    accuracy: float


def calibration_error(confidence: Sequence[float], correct: Sequence[int]) -> float:
    """Return the expected calibration error over 15 bins of equal width.

    Args:
        confidence: probability of the predicted class, per image; the last bin includes
            1, as in `reliability`.
        correct: whether the prediction is correct, 0 or 1, per image.

    Raises:
        ImportError: torchmetrics is not installed.
    """
    metrics = import_optional('torchmetrics.functional.classification')
    # It is the binary error of the event that the prediction is correct.
    return metrics.binary_calibration_error(
        torch.as_tensor(confidence, dtype=torch.float64).clamp(max=BELOW_ONE),
        torch.as_tensor(correct),
        n_bins=BINS,
        norm='l1',
    ).item()


def reliability(confidence: Sequence[float], correct: Sequence[int]) -> List[Bin]:
    """Return mean confidence and accuracy in 15 bins of equal width.

    Args:
        confidence: probability of the predicted class, per image.
        correct: whether the prediction is correct, 0 or 1, per image.
    """
    confidence = np.clip(np.asarray(confidence, dtype=np.float64), 0, 1)
    edges = np.linspace(0, 1, BINS + 1)
    images, sums, hits = (
        np.histogram(confidence, edges, weights=weights)[0]
        for weights in (None, confidence, np.asarray(correct, dtype=np.float64))
    )
    with np.errstate(invalid='ignore'):  # 0 / 0 in bins without images
        columns = edges[:-1], edges[1:], images, sums / images, hits / images
    return [Bin(*row) for row in zip(*(c.tolist() for c in columns), strict=True)]
