"""Comparison of a network with the one in a model folder."""

from pathlib import Path
from typing import NamedTuple

import torch
from mmengine.config import Config
from torch import Tensor, nn

from mmadf.deployment.checks import DeploymentError, relative_difference
from mmadf.deployment.input_spec import image_size, infer_input_spec
from mmadf.deployment.network import random_pixels
from mmadf.utils.modes import evaluating
from mmadf.weights.load import load_network, read_config, test_dataset


class Probe(NamedTuple):
    """Images, (N, C, H, W), and the logits that a network must return, (N, K).

    `has_fixed_size` is False if the test pipeline sets no size: that of the images is
    then an example.
    """

    images: Tensor
    logits: Tensor
    has_fixed_size: bool


@torch.no_grad()
def probe(network: nn.Module, cfg: Config) -> Probe:
    """Return random images of the size of the test pipeline, and their logits.

    Raises:
        ValueError: the network is not in float32, or returns no logits.
    """
    weights = [p for p in network.parameters() if p.dtype != torch.float32]
    if weights:
        raise ValueError(
            f'{type(network).__name__} has weights of type {weights[0].dtype}; a model '
            'folder contains float32, call network.float() before.'
        )
    spec = infer_input_spec(test_dataset(cfg).get('pipeline'))
    device = next((p.device for p in network.parameters()), 'cpu')
    size = image_size(spec, network)
    pixels = random_pixels((2, spec.channels, *size)).to(device)
    images = (pixels.float() - 127.5) / 64
    with evaluating(network):
        logits = network(images)
    if not isinstance(logits, Tensor) or logits.ndim != 2:
        raise ValueError(
            f'{type(network).__name__} returns no logits, (N, K); a model folder '
            'contains a classifier with one head.'
        )
    return Probe(images, logits, spec.size is not None)


@torch.no_grad()
def compare(folder: Path, expected: Probe, tolerance: float) -> float:
    """Compare the network in a model folder with the logits that it must return.

    Args:
        folder: the model folder.
        expected: images and logits.
        tolerance: largest accepted difference, relative to the largest logit.

    Returns:
        The largest difference, relative to the largest logit.

    Raises:
        DeploymentError: the difference is above the tolerance.
    """
    images, logits, _ = expected
    loaded, _ = load_network(read_config(str(folder)), folder, str(images.device))
    difference = relative_difference(loaded(images), logits)
    if not difference <= tolerance:
        raise DeploymentError(
            f'the logits of the network in the folder differ by {difference:.1e} of '
            f'the largest one, tolerance {tolerance:.0e}; nothing was written. Is it '
            'the config of this network?'
        )
    return difference
