"""The test set in one pass, by readout."""

from collections import defaultdict
from typing import Dict, List, Tuple

import torch
from mmengine.runner import Runner
from torch import Tensor

from mmadf.engine.readouts import predict_readouts
from mmadf.utils.progress import import_tqdm


@torch.no_grad()
def collect_scores(runner: Runner) -> Tuple[Dict[str, Tensor], Tensor]:
    """Run the test set once and return the probabilities of every readout.

    Args:
        runner: its model, with weights loaded, and its test set are used; not
            for distributed runs.

    Returns:
        Probabilities by readout, (N, num_classes) each, on the CPU, and labels, (N,).
        A classifier without readouts has one, named 'prediction'.
    """
    runner.model.eval()
    scores: Dict[str, List[Tensor]] = defaultdict(list)
    labels: List[Tensor] = []
    for batch in import_tqdm()(runner.test_dataloader, desc='test', unit='batch'):
        predictions = predict_readouts(runner.model, batch)
        for readout, samples in predictions.items():
            scores[readout] += [sample.pred_score.cpu() for sample in samples]
        labels += [sample.gt_label.cpu() for sample in samples]
    return {name: torch.stack(rows) for name, rows in scores.items()}, torch.cat(labels)
