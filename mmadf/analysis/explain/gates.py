"""The gate of a mapper, drawn over the photograph and compared with other images."""

from typing import Optional, Tuple

import numpy as np
import torch
from torch import Tensor

from mmadf.analysis.style import DIVERGING

from .document import percent
from .explanation import GateView
from .gate_mean import GateMean, weight_map
from .pictures import embed, gradient, heat_map

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
        mean: the weights over a set of images, None if they are not known.
    """
    weights = weight_map(gate)
    if weights is None:
        cards = [_shared_weight(gate.weight.float().flatten())]
    else:
        head = f'Gate weight, mean {percent(weights.mean(), 1)}'
        cards = [_map_card(photo, weights, head, (0, 1), 'mean over channels')]
    if weights is not None and mean is not None:
        cards += _mean_cards(photo, weights, mean)
    head = f'Weighted appearance features, mean {percent(gate.relative.mean(), 1)}'
    limits = 0.0, max(float(gate.relative.max()), 1e-3)
    note = 'magnitude; 100% is the mean magnitude of the semantic features'
    cards.append(_map_card(photo, gate.relative, head, limits, note))
    return f'<h2>{title}: {gate.route}</h2>\n<div class="grid">{"".join(cards)}</div>'


def _mean_cards(photo: np.ndarray, weights: Tensor, mean: GateMean) -> list:
    """Return the mean over all images, and the difference of this image from it."""
    note = (
        f'{percent(mean.shared)} of the variance of all weights, the same for every '
        'image, for instance because of padding'
    )
    head = f'Mean weight of {mean.images} images'
    shared = _map_card(None, mean.mean, head, (0, 1), note)
    difference, limit = weights - mean.mean, max(mean.limit, 1e-3)
    head = f'Difference of this image, up to {percent(difference.abs().max(), 1)}'
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
    picture = embed(heat_map(photo, values, cmap, limits), head)
    digits = 0 if limits[1] >= 0.1 else 1
    low, high = (percent(limit, digits) for limit in limits)
    positions = f'{values.shape[0]}&nbsp;×&nbsp;{values.shape[1]} positions'
    return (
        f'<figure class="card"><h3>{head}</h3>{picture}'
        f'<div class="scale" style="background:{gradient(cmap)}"></div>'
        f'<div class="ends"><span>{low}</span><span>{high}</span></div>'
        f'<figcaption>{note}; {positions}</figcaption></figure>'
    )


def _shared_weight(values: Tensor) -> str:
    """Return the values of a gate that all positions share."""
    if len(values) == 1:
        return (
            f'<figure class="card"><h3>Gate weight: {percent(values[0], 1)}</h3>'
            '<figcaption>one learned value for all positions and images</figcaption>'
            '</figure>'
        )
    counts = torch.histc(values, BINS, 0, 1)
    bars = ''.join(
        f'<b style="height:{percent(count / counts.max())}"></b>' for count in counts
    )
    return (
        f'<figure class="card"><h3>Gate weight, mean {percent(values.mean(), 1)}</h3>'
        f'<div class="histogram">{bars}</div><div class="ends"><span>0%</span>'
        f'<span>100%</span></div><figcaption>number of channels, of {len(values)}, by '
        'weight, which is the same at all positions</figcaption></figure>'
    )
