"""Scores of every readout in one pass."""

from typing import Dict, Tuple

import torch
from mmengine.runner import Runner
from torch import Tensor, nn
from tqdm import tqdm


@torch.no_grad()
def collect_scores(runner: Runner) -> Tuple[Dict[str, Tensor], Tensor]:
    """Run the test set once and return the logits of every readout.

    Args:
        runner: its model, with weights loaded, and its test set are used; not
            for distributed runs.

    Returns:
        Logits by readout, (N, num_classes) each, on the CPU, and labels, (N,). A
        classifier without readouts has one, named 'prediction'.
    """
    model = runner.model
    model.eval()
    scores, labels = {}, []
    for batch in tqdm(runner.test_dataloader, desc='test', unit='batch'):
        batch = model.data_preprocessor(batch, training=False)
        for name, logits in _scores(model, batch['inputs']).items():
            scores.setdefault(name, []).append(logits.cpu())
        labels += [sample.gt_label.cpu() for sample in batch['data_samples']]
    scores = {name: torch.cat(logits) for name, logits in scores.items()}
    return scores, torch.cat(labels)


def _scores(model: nn.Module, inputs: Tensor) -> Dict[str, Tensor]:
    if hasattr(model, 'scores'):
        return model.scores(inputs)
    return dict(prediction=model(inputs))
