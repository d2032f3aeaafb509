"""Test of a network with several readouts: all of them in one pass."""

from collections import defaultdict
from copy import deepcopy
from typing import Dict, List

import torch
from mmengine.evaluator import DumpResults, Evaluator
from mmengine.runner import TestLoop, autocast
from mmpretrain.structures import DataSample

from mmadf.engine.readouts import chosen_readout, has_readouts, predict_readouts
from mmadf.engine.unwrap import unwrap
from mmadf.registry import LOOPS


class Evaluators:
    """The evaluator of the chosen readout, and one like it for each other.

    Args:
        own: evaluator of the chosen readout; no other dumps predictions.
    """

    def __init__(self, own: Evaluator) -> None:
        blank = deepcopy(own)
        blank.metrics = [m for m in blank.metrics if not isinstance(m, DumpResults)]
        self.own, self.others = own, defaultdict(lambda: deepcopy(blank))

    def process(self, data_samples: List[DataSample], data_batch: dict) -> None:
        """Take the predictions of the chosen readout for one batch."""
        self.own.process(data_samples=data_samples, data_batch=data_batch)

    def evaluate(self, size: int) -> Dict[str, float]:
        """Return the metrics of all readouts over `size` images."""
        metrics = self.own.evaluate(size)
        for readout, evaluator in self.others.items():
            found = evaluator.evaluate(size)
            metrics.update({f'{readout}/{name}': v for name, v in found.items()})
        return metrics


@LOOPS.register_module()
class ReadoutsTestLoop(TestLoop):
    """Measure, in one pass, every readout that a network has.

    The readout that the network predicts by keeps the names of its metrics; those of
    the others follow as `<readout>/<metric>`. A network without readouts, see
    `has_readouts`, or one that is left with a single readout, is tested as by
    MMEngine's `TestLoop`, whose arguments this loop has.
    """

    def run(self) -> Dict[str, float]:
        """Test, and return the metrics of all readouts."""
        own = self.evaluator
        self.evaluator = Evaluators(own)
        try:
            return super().run()
        finally:
            self.evaluator = own

    @torch.no_grad()
    def run_iter(self, idx: int, data_batch: dict) -> None:
        """Take one batch of the data loader."""
        model = unwrap(self.runner.model)
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
