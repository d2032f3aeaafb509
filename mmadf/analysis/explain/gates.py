"""The gate of a mapper, drawn over the photograph and compared with other images."""

from typing import Optional, Tuple

import numpy as np
import torch
from torch import Tensor

from mmadf.analysis.style import DIVERGING

from .cards import card, positions, scaled_picture, section
from .document import percent
from .explanation import GateView
from .gate_mean import GateMean, weight_map
from .pictures import heat_map

BINS = 20


def gate_section(
    photo: np.ndarray, gate: GateView, title: str, mean: Optional[GateMean] = None
) -> str:
    """Return HTML with the weight of the appearance features, and their magnitude.

    Weights have a fixed scale from 0 to 100 %, so that small differences are not
    stretched to all colours. With the weights over a set of images come their mean and
    the difference of this image from it.

    Args:
        photo: what the network receives, (H, W, 3).
        gate: what the gate does with the image.
        title: name of the mapper.
        mean: the weights over a set of images, None if they are not known. That of
            images of another size is left out.
    """
    weights = weight_map(gate)
    if weights is None:
        cards = [_shared_weight(gate.weight.float().flatten())]
    else:
        head = f'Gate weight, mean {percent(weights.mean(), 1)}'
        cards = [_map_card(photo, weights, head, (0, 1), 'mean over channels')]
        if mean is not None and mean.mean.shape == weights.shape:
            cards += _mean_cards(photo, weights, mean)
    head = f'Weighted appearance features, mean {percent(gate.relative.mean(), 1)}'
    limits = 0.0, max(float(gate.relative.max()), 1e-3)
    note = 'magnitude; 100% is the mean magnitude of the semantic features'
    cards.append(_map_card(photo, gate.relative, head, limits, note))
    return section(f'{title}: {gate.route}', ''.join(cards))


def _mean_cards(photo: np.ndarray, weights: Tensor, mean: GateMean) -> list:
    """Return the mean over all images, and the difference of this image from it."""
    note = (
        f'{percent(mean.shared)} of the variance of all weights, the same for every '
        'image, for instance because of padding'
    )
    head = f'Mean weight of {mean.images} images'
    shared = _map_card(None, mean.mean, head, (0, 1), note)
    difference = weights - mean.mean
    most = float(difference.abs().max())
    limit = max(mean.limit, most, 1e-3)
    head = f'Difference of this image, up to {percent(most, 1)}'
    note = 'percentage points; one scale for all images'
    own = _map_card(photo, difference, head, (-limit, limit), note, DIVERGING)
    return [shared, own]


def _map_card(
    photo: Optional[np.ndarray],
    values: Tensor,
    head: str,
    limits: Tuple[float, float],
    note: str,
    cmap: str = 'viridis',
) -> str:
    """Return a heat map with its scale."""
    digits = 0 if limits[1] >= 0.1 else 1
    low, high = (percent(limit, digits) for limit in limits)
    caption = f'{note}; {positions(values.shape)}'
    pixels = heat_map(photo, values, cmap, limits)
    return card(head, scaled_picture(pixels, head, cmap, (low, high), caption))


def _shared_weight(values: Tensor) -> str:
    """Return the values of a gate that all positions share."""
    if len(values) == 1:
        note = 'one learned value for all positions and images'
        head = f'Gate weight: {percent(values[0], 1)}'
        return card(head, f'<figcaption>{note}</figcaption>')
    counts = torch.histc(values, BINS, 0, 1)
    bars = ''.join(
        f'<b style="height:{percent(count / counts.max())}"></b>' for count in counts
    )
    return card(
        f'Gate weight, mean {percent(values.mean(), 1)}',
        f'<div class="histogram">{bars}</div><div class="ends"><span>0%</span>'
        f'<span>100%</span></div><figcaption>number of channels, of {len(values)}, by '
        'weight, which is the same at all positions</figcaption>',
    )
