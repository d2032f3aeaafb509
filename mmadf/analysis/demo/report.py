"""What a network does with one image, as HTML for wide and narrow windows."""

from html import escape
from typing import List, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np
from torch import Tensor

from mmadf.analysis.explain.document import percent
from mmadf.analysis.explain.evidence import TITLES, Evidence
from mmadf.analysis.explain.explanation import Explanation, GateView
from mmadf.analysis.explain.gate_mean import GateMean, weight_map
from mmadf.analysis.explain.pictures import (
    EVIDENCE_MAP,
    color_map,
    darkened_grey,
    embed,
    gradient,
    heat_map,
)
from mmadf.analysis.spatial_maps import SpatialMaps, class_differences
from mmadf.analysis.style import DIVERGING

NO_MAP = 'Grad-CAM is not available: the head of this network takes no feature map.'
DEPLOYED = 'This network is deployed, and has no prediction of the appearance branch.'
CLASSES = 3  # classes whose spatial weights are shown


class Card(NamedTuple):
    """A picture with its title, a line of text and the ends of its colour bar.

    `picture`, (H, W, 3), uint8, is None for no picture; `bar` holds the name of the
    colour map and the labels of its ends, None for no bar.
    """

    title: str
    text: str
    picture: Optional[np.ndarray] = None
    bar: Optional[Sequence[str]] = None


def evidence_section(
    shown: np.ndarray, found: Optional[Explanation], names: Sequence[str]
) -> str:
    """Return the image as the network takes it, and the evidence of every part.

    Args:
        shown: the image, (H, W, 3), uint8.
        found: what the network does with it; None if it has no feature map.
        names: names of all classes.
    """
    height, width = shown.shape[:2]
    cards = [Card('Input of the network', f'{width} x {height} pixels', shown)]
    parts = {} if found is None else found.evidence
    grey = darkened_grey(shown)
    cards += [_evidence_card(grey, name, parts[name], names) for name in parts]
    note = 'Grad-CAM: positions that raise the score of the predicted class.'
    if found is None:
        note = NO_MAP
    elif 'fused' in parts and 'appearance' not in parts:
        note += f' {DEPLOYED}'
    return _section('Evidence for the prediction', note, cards)


def _evidence_card(
    grey: np.ndarray, name: str, evidence: Evidence, names: Sequence[str]
) -> Card:
    best = int(evidence.scores.argmax())
    text = f'{names[best]}, {percent(evidence.scores[best])}'
    limits = 0.0, float(evidence.cam.max())
    picture = heat_map(grey, evidence.cam, EVIDENCE_MAP, limits)
    return Card(TITLES[name], text, picture, (EVIDENCE_MAP, 'none', 'most'))


def gate_sections(
    shown: np.ndarray,
    gates: Sequence[GateView],
    means: Sequence[Optional[GateMean]] = (),
) -> str:
    """Return what the gate of each mapper lets in.

    Args:
        shown: the image, (H, W, 3), uint8.
        gates: what the gates do with it.
        means: the weights of the gates over a set of images, empty if there is none.
            The difference from a mean of another size is left out.
    """
    means, grey = means or [None] * len(gates), darkened_grey(shown)
    return ''.join(
        _gate_section(grey, gate, mean) for gate, mean in zip(gates, means, strict=True)
    )


def _gate_section(grey: np.ndarray, gate: GateView, mean: Optional[GateMean]) -> str:
    cards = [_weight_card(grey, gate)]
    weights = weight_map(gate)
    if mean is not None and mean.mean.shape == weights.shape:
        cards.append(_difference_card(grey, weights - mean.mean, mean))
    most = float(gate.relative.max())
    text = f'mean {_percent(gate.relative.mean())} of the semantic features'
    picture = heat_map(grey, gate.relative, 'viridis', (0, most))
    bar = ('viridis', '0%', _percent(most))
    cards.append(Card('Magnitude of what is let in', text, picture, bar))
    return _section(f'Gate: {gate.route}', 'Stages are counted from 0.', cards)


def _weight_card(grey: np.ndarray, gate: GateView) -> Card:
    title, weight = 'Weight of the appearance features', gate.weight.float()
    weights = weight_map(gate)
    if weights is not None:
        picture = heat_map(grey, weights, 'viridis', (0, 1))
        text = f'mean {_percent(weights.mean())}'
        return Card(title, text, picture, ('viridis', '0%', '100%'))
    if weight.numel() == 1:
        return Card(title, f'{_percent(weight.max())} at all positions of any image')
    low, high = _percent(weight.min()), _percent(weight.max())
    mean = _percent(weight.mean())
    text = f'mean {mean}, from {low} to {high} by channel, the same at all positions'
    return Card(title, text)


def _difference_card(grey: np.ndarray, difference: Tensor, mean: GateMean) -> Card:
    most = max(mean.limit, float(difference.abs().max()), 1e-3)
    picture = heat_map(grey, difference, DIVERGING, (-most, most))
    text = f'up to {100 * float(difference.abs().max()):.2g} percentage points'
    ends = f'-{_percent(most, 2)}', f'+{_percent(most, 2)}'
    title = f'Difference from the mean weight of {mean.images} examples'
    return Card(title, text, picture, (DIVERGING, *ends))


def _percent(share: Union[float, Tensor], digits: int = 3) -> str:
    """Return a share as percent with so many significant digits."""
    return f'{100 * float(share):.{digits}g}%'


def kernel_section(
    slot: str, maps: SpatialMaps, scores: Tensor, names: Sequence[str]
) -> str:
    """Return the spatial kernels of Wise-SrNet, for the most probable classes.

    Args:
        slot: where the kernels are, 'head' or 'neck', also of the appearance branch.
        maps: see `mmadf.analysis.spatial_maps`.
        scores: probabilities of the classes, (K,).
        names: names of all classes.
    """
    count, height, width = maps.kernels.shape
    mean = maps.kernels.mean(0)
    limits = (min(float(mean.min()), 0.0), float(mean.max()))
    text = f'{count} kernels of {width} x {height} positions'
    cards = [_position_card('Mean of the kernels', text, mean, 'viridis', limits)]
    if maps.classes is not None and len(maps.classes) == len(scores):
        cards += _class_cards(maps.classes, scores, names)
    note = 'The weights of the positions of the last feature map.'
    return _section(f'Spatial kernels of Wise-SrNet ({slot})', note, cards)


def _class_cards(classes: Tensor, scores: Tensor, names: Sequence[str]) -> List[Card]:
    """Return what distinguishes the weights of the most probable classes."""
    best = scores.topk(min(CLASSES, len(scores))).indices.tolist()
    differences = class_differences(classes)[best]
    most = float(differences.abs().max())
    text = 'weighted by the classifier, difference from the mean of all classes'
    return [
        _position_card(names[index], text, values, DIVERGING, (-most, most))
        for index, values in zip(best, differences, strict=True)
    ]


def _position_card(
    title: str, text: str, values: Tensor, colors: str, limits: Tuple[float, float]
) -> Card:
    picture = color_map(values, colors, limits)
    return Card(title, text, picture, (colors, *(f'{end:.2g}' for end in limits)))


def _section(title: str, note: str, cards: Sequence[Card]) -> str:
    figures = ''.join(map(_figure, cards))
    return (
        f'<section class="mm"><h3>{escape(title)}</h3><p>{escape(note)}</p>'
        f'<div class="mm-cards">{figures}</div></section>'
    )


def _figure(card: Card) -> str:
    title, text = escape(card.title), escape(card.text)
    picture = bar = ''
    if card.picture is not None:
        picture = embed(card.picture, f'{card.title}: {card.text}')
    if card.bar is not None:
        colors, low, high = card.bar
        bar = (
            f'<div class="mm-bar"><span>{escape(low)}</span>'
            f'<i style="background: {gradient(colors)}"></i>'
            f'<span>{escape(high)}</span></div>'
        )
    return (
        f'<figure>{picture}{bar}<figcaption><b>{title}</b><br>{text}</figcaption>'
        '</figure>'
    )
