"""Classifiers with several readouts, and testing all readouts in one pass."""

from collections import defaultdict
from copy import deepcopy
from typing import Dict, List

import torch
from mmengine.evaluator import BaseMetric, DumpResults, Evaluator
from mmengine.runner import TestLoop, autocast
from mmpretrain.structures import DataSample
from mmpretrain.utils import get_ori_model
from torch import Tensor, nn

from mmadf.registry import LOOPS

ONLY = 'prediction'


def has_readouts(model: nn.Module) -> bool:
    """Return whether a classifier has several readouts, as `ADFClassifier` has.

    Such a classifier names the readout it predicts with as `readout`;
    `logits_by_readout(inputs)` returns the logits and
    `predict_readouts(inputs, data_samples)` the predictions of all readouts, by name.
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
        return model.logits_by_readout(inputs)
    return {ONLY: model(inputs)}


def predict_readouts(model: nn.Module, data_batch: dict) -> Dict[str, List[DataSample]]:
    """Compute the predictions of every readout in one forward pass.

    Args:
        model: a classifier of MMPretrain in evaluation mode, with or without a wrapper
            such as DDP.
        data_batch: batch of a data loader.
    """
    classifier = get_ori_model(model)
    if not has_readouts(classifier):
        return {ONLY: model.test_step(data_batch)}
    data = classifier.data_preprocessor(data_batch, training=False)
    return classifier.predict_readouts(data['inputs'], data['data_samples'])


class ReadoutEvaluators:
    """One evaluator for each readout, all configured alike.

    Args:
        chosen: readout that the network predicts with.
        evaluator: its evaluator, which alone dumps predictions.
    """

    def __init__(self, chosen: str, evaluator: Evaluator) -> None:
        other = deepcopy(evaluator)
        other.metrics = [m for m in other.metrics if not isinstance(m, DumpResults)]
        self.chosen = chosen
        self.evaluators = defaultdict(lambda: deepcopy(other), {chosen: evaluator})

    @property
    def metrics(self) -> List[BaseMetric]:
        """Metrics of the chosen readout, whose settings all readouts share."""
        return self.evaluators[self.chosen].metrics

    def process(
        self, predictions: Dict[str, List[DataSample]], data_batch: dict
    ) -> None:
        """Process one batch of predictions, by readout."""
        for readout, samples in predictions.items():
            self.evaluators[readout].process(samples, data_batch)

    def evaluate(self, size: int) -> Dict[str, float]:
        """Return the metrics of all readouts over `size` images."""
        metrics = {}
        for readout, evaluator in self.evaluators.items():
            prefix = '' if readout == self.chosen else f'{readout}/'
            found = evaluator.evaluate(size)
            metrics.update({prefix + name: value for name, value in found.items()})
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
        evaluator = self.evaluator
        chosen = chosen_readout(get_ori_model(self.runner.model))
        self.evaluator = ReadoutEvaluators(chosen, evaluator)
        try:
            return super().run()
        finally:
            self.evaluator = evaluator

    @torch.no_grad()
    def run_iter(self, idx: int, data_batch: dict) -> None:
        """Test one batch.

        Args:
            idx: index of the batch.
            data_batch: batch of the data loader.
        """
        self.runner.call_hook('before_test_iter', batch_idx=idx, data_batch=data_batch)
        with autocast(enabled=self.fp16):
            predictions = predict_readouts(self.runner.model, data_batch)
        self.process(predictions, data_batch)
        self.runner.call_hook(
            'after_test_iter',
            batch_idx=idx,
            data_batch=data_batch,
            outputs=predictions[self.evaluator.chosen],
        )

    def process(
        self, predictions: Dict[str, List[DataSample]], data_batch: dict
    ) -> None:
        """Evaluate one batch of predictions, by readout."""
        self.evaluator.process(predictions, data_batch)
