"""Classifiers that answer in several ways, and those that answer in one."""

from typing import Dict, List

from mmpretrain.structures import DataSample
from torch import Tensor, nn

ONLY = 'prediction'


def has_readouts(model: nn.Module) -> bool:
    """Say whether a classifier has several readouts, as `ADFClassifier`.

    Then `readout` names the one that it predicts by, `scores(inputs)` gives the logits
    of all by name, and `head` makes predictions of logits.
    """
    return hasattr(model, 'scores') and hasattr(model, 'readout')


def chosen_readout(model: nn.Module) -> str:
    """Return the readout that a network predicts by, 'prediction' where it has one."""
    return model.readout if has_readouts(model) else ONLY


def readouts(model: nn.Module, inputs: Tensor) -> Dict[str, Tensor]:
    """Return what a network makes of images, by readout, in one pass.

    Args:
        model: any network; one without readouts has one, 'prediction'.
        inputs: preprocessed images, (N, 3, H, W).
    """
    if has_readouts(model):
        return model.scores(inputs)
    return {ONLY: model(inputs)}


def predict_readouts(model: nn.Module, data_batch: dict) -> Dict[str, List[DataSample]]:
    """Return the predictions of every readout for one batch, in one pass.

    Args:
        model: a classifier, in evaluation mode.
        data_batch: as a data loader gives it.
    """
    if not has_readouts(model):
        return {ONLY: model.test_step(data_batch)}
    data = model.data_preprocessor(data_batch, training=False)
    return {
        readout: model.head._get_predictions(
            logits, [sample.clone() for sample in data['data_samples']]
        )
        for readout, logits in readouts(model, data['inputs']).items()
    }
