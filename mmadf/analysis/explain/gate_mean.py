"""Weights of gates over a set of images: what they share, and how an image differs."""

from typing import List, NamedTuple, Optional, Sequence

import torch
from torch import Tensor, nn

from .explanation import GateView, view_gates


class GateMean(NamedTuple):
    """The weights of one gate over a set of images, averaged over channels.

    `mean`, (h, w), is the mean map of `images` images; `shared` in [0, 1] the fraction
    of the variance of all maps that is in the mean map, and thus independent of the
    image; `limit` the largest absolute difference of a map from the mean map.
    """

    images: int
    mean: Tensor
    shared: float
    limit: float


def gate_maps(model: nn.Module, inputs: Tensor) -> List[Optional[Tensor]]:
    """Return the weight of every gate by position, see `weight_map`.

    Args:
        model: an `ADFClassifier` in evaluation mode.
        inputs: one preprocessed image, (1, 3, H, W).
    """
    return [weight_map(gate) for gate in view_gates(model, inputs)]


def weight_map(gate: GateView) -> Optional[Tensor]:
    """Return the mean weight over channels, (h, w), None if all positions share it."""
    if gate.gate not in ('element', 'spatial'):
        return None
    return gate.weight.float().mean(0)


def mean_gates(
    maps: Sequence[Sequence[Optional[Tensor]]],
) -> List[Optional[GateMean]]:
    """Summarise the weights of each gate over a set of images.

    Args:
        maps: for each image, those of `gate_maps`.

    Returns:
        For each gate its summary; None if all positions share the weight, for a single
        image, and for images of different sizes.
    """
    return [_mean_gate(of_gate) for of_gate in zip(*maps, strict=True)]


def _mean_gate(maps: Sequence[Optional[Tensor]]) -> Optional[GateMean]:
    if len(maps) < 2 or maps[0] is None or len({x.shape for x in maps}) > 1:
        return None
    stacked = torch.stack(list(maps))
    mean = stacked.mean(0)
    total = float(stacked.var(correction=0))
    shared = float(mean.var(correction=0)) / total if total else 1.0
    return GateMean(len(maps), mean, shared, float((stacked - mean).abs().max()))
