"""Classifiers with several readouts, and testing all readouts in one pass."""

from collections import defaultdict
from copy import deepcopy
from typing import Dict, List

import torch
from mmengine.evaluator import DumpResults, Evaluator
from mmengine.runner import TestLoop, autocast
from mmpretrain.structures import DataSample
from mmpretrain.utils import get_ori_model
from torch import Tensor, nn

from mmadf.registry import LOOPS

ONLY = 'prediction'


def has_readouts(model: nn.Module) -> bool:
    """Return whether a classifier has several readouts, as `ADFClassifier` has.

    Such a classifier names the readout it predicts with as `readout`; `scores(inputs)`
    returns the logits and `predict_readouts(inputs, data_samples)` the predictions of
    all readouts, by name.
    """
    return hasattr(model, 'predict_readouts')


def chosen_readout(model: nn.Module) -> str:
    """Return the readout that a classifier predicts with, 'prediction' if only one."""
    return model.readout if has_readouts(model) else ONLY


def readouts(model: nn.Module, inputs: Tensor) -> Dict[str, Tensor]:
    """Compute the logits of every readout in one forward pass.

    Args:
        model: any network; one without readouts has the single readout 'prediction'.
        inputs: preprocessed images, (N, 3, H, W).
    """
    if has_readouts(model):
        return model.scores(inputs)
    return {ONLY: model(inputs)}


def predict_readouts(model: nn.Module, data_batch: dict) -> Dict[str, List[DataSample]]:
    """Compute the predictions of every readout in one forward pass.

    Args:
        model: a classifier of MMPretrain, in evaluation mode.
        data_batch: batch of a data loader.
    """
    if not has_readouts(model):
        return {ONLY: model.test_step(data_batch)}
    data = model.data_preprocessor(data_batch, training=False)
    return model.predict_readouts(data['inputs'], data['data_samples'])


class ReadoutEvaluators:
    """One evaluator for each readout, all configured alike.

    Args:
        chosen: evaluator of the readout that the network predicts with; it alone
            dumps predictions.
    """

    def __init__(self, chosen: Evaluator) -> None:
        blank = deepcopy(chosen)
        blank.metrics = [m for m in blank.metrics if not isinstance(m, DumpResults)]
        self.chosen, self.others = chosen, defaultdict(lambda: deepcopy(blank))

    def process(self, data_samples: List[DataSample], data_batch: dict) -> None:
        """Process one batch of predictions of the chosen readout."""
        self.chosen.process(data_samples=data_samples, data_batch=data_batch)

    def evaluate(self, size: int) -> Dict[str, float]:
        """Return the metrics of all readouts over `size` images."""
        metrics = self.chosen.evaluate(size)
        for readout, evaluator in self.others.items():
            found = evaluator.evaluate(size)
            metrics.update({f'{readout}/{name}': v for name, v in found.items()})
        return metrics


@LOOPS.register_module()
class ReadoutsTestLoop(TestLoop):
    """Evaluate every readout of a network in one pass over the test set.

    The metrics of the readout that the network predicts with keep their names; those of
    the other readouts are reported as `<readout>/<metric>`. Networks with a single
    readout are tested as by MMEngine's `TestLoop`, whose arguments this loop takes.
    """

    def run(self) -> Dict[str, float]:
        """Test the network and return the metrics of all readouts."""
        chosen = self.evaluator
        self.evaluator = ReadoutEvaluators(chosen)
        try:
            return super().run()
        finally:
            self.evaluator = chosen

    @torch.no_grad()
    def run_iter(self, idx: int, data_batch: dict) -> None:
        """Test one batch.

        Args:
            idx: index of the batch.
            data_batch: batch of the data loader.
        """
        model = get_ori_model(self.runner.model)
        if not has_readouts(model):
            super().run_iter(idx, data_batch)
            return
        self.runner.call_hook('before_test_iter', batch_idx=idx, data_batch=data_batch)
        with autocast(enabled=self.fp16):
            predictions = predict_readouts(model, data_batch)
        outputs = predictions.pop(chosen_readout(model))
        self.evaluator.process(data_samples=outputs, data_batch=data_batch)
        for readout, samples in predictions.items():
            other = self.evaluator.others[readout]
            other.process(data_samples=samples, data_batch=data_batch)
        self.runner.call_hook(
            'after_test_iter', batch_idx=idx, data_batch=data_batch, outputs=outputs
        )
