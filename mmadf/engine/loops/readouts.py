"""Test of a network with several readouts: all of them in one pass."""

from collections import defaultdict
from copy import deepcopy
from typing import Dict

import torch
from mmengine.evaluator import DumpResults
from mmengine.runner import TestLoop, autocast

from mmadf.engine.readouts import chosen_readout, has_readouts, predict_readouts
from mmadf.engine.unwrap import unwrap
from mmadf.registry import LOOPS


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
        blank = deepcopy(self.evaluator)
        blank.metrics = [m for m in blank.metrics if not isinstance(m, DumpResults)]
        self.others = defaultdict(lambda: deepcopy(blank))
        metrics = super().run()
        for readout, evaluator in self.others.items():
            found = evaluator.evaluate(len(self.dataloader.dataset))
            metrics.update({f'{readout}/{name}': v for name, v in found.items()})
        return metrics

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
            self.others[readout].process(data_samples=samples, data_batch=data_batch)
        self.runner.call_hook(
            'after_test_iter', batch_idx=idx, data_batch=data_batch, outputs=outputs
        )
