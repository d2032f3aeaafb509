"""A trained classifier with all that is needed to try it on image files."""

from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from threading import RLock
from typing import Callable, Dict, List, NamedTuple, Sequence

import numpy as np
import torch
from mmpretrain.models import BaseClassifier
from torch import Tensor, nn

from mmadf.analysis.explain import Pipeline, read_image, to_batch, to_rgb
from mmadf.models.classifiers import ADFClassifier

from .mixing import scaled_appearance
from .uploads import check_upload


class Photo(NamedTuple):
    """An image as the network takes it.

    `batch`, (1, 3, H, W), is preprocessed; `shown`, (H, W, 3), uint8, is the same crop
    as RGB.
    """

    batch: Tensor
    shown: np.ndarray


class DemoNetwork:
    """A classifier, the pipeline that reads its images and the names of its classes.

    One thread at a time uses the classifier.

    Args:
        model: a classifier of MMPretrain in evaluation mode.
        pipeline: test pipeline, see `mmadf.analysis.explain.build_pipeline`.
        names_of: returns the names of a given number of classes.

    Raises:
        TypeError: the model is no classifier.
    """

    def __init__(
        self,
        model: nn.Module,
        pipeline: Pipeline,
        names_of: Callable[[int], Sequence[str]],
    ) -> None:
        if not isinstance(model, BaseClassifier):
            raise TypeError(
                f'demo: model={type(model).__name__} is no classifier; give config and '
                'checkpoint of an image classifier.'
            )
        self.model, self.pipeline, self.names_of = model, pipeline, names_of
        self.lock = RLock()

    @property
    def has_gates(self) -> bool:
        """Whether mappers fuse appearance into semantic features."""
        return isinstance(self.model, ADFClassifier) and len(self.model.mappers) > 0

    @property
    def mixes(self) -> bool:
        """Whether the prediction depends on how much appearance is mixed in."""
        return self.has_gates and self.model.readout != 'appearance'

    def read(self, path: Path) -> Photo:
        """Read an image file as the test set is read.

        Raises:
            UploadError: the file cannot be read as an image, or is too large.
        """
        check_upload(path)
        inputs = read_image(path, self.pipeline)
        batch = to_batch(self.model, inputs)
        shown = to_rgb(inputs, batch.shape[-2:], self.pipeline.is_bgr)
        return Photo(batch, shown)

    @torch.no_grad()
    def scores(self, batch: Tensor, factor: float = 1.0) -> Tensor:
        """Return the probability of every class, (K,), on the CPU.

        Args:
            batch: one preprocessed image, (1, 3, H, W).
            factor: see `scaled_appearance`; without effect unless `mixes`.
        """
        scaled = scaled_appearance(self.model, factor) if self.mixes else nullcontext()
        with self.lock, scaled:
            (sample,) = self.model(batch, mode='predict')
        return sample.pred_score.float().cpu()

    def named(self, scores: Tensor) -> Dict[str, float]:
        """Return the probability of every class by its name."""
        names = distinct(self.names_of(len(scores)))
        return dict(zip(names, scores.tolist(), strict=True))


def distinct(names: Sequence[str]) -> List[str]:
    """Return names of classes, with the number of the class where two are equal."""
    count = Counter(names)
    return [
        f'{name} (class {index})' if count[name] > 1 else name
        for index, name in enumerate(names)
    ]
