"""The gate of a mapper, drawn over the image and compared with other images."""

from textwrap import fill
from typing import Optional

from torch import Tensor

from mmadf.analysis.plots import blank, overlay, percent

from .explanation import GateView
from .gate_mean import GateMean, weight_map

TITLE = 'Gate weight'
ALL = (0, 1)  # a fixed scale: small differences are not stretched to all colours
SAME = 'This gate gives all positions the same weight.'
ONE = (
    'Mean weight and difference from it: give a folder of several images of one size, '
    'because much of the pattern on the left may be the same for all images.'
)


def draw_gate(
    figure: object,
    image: Tensor,
    gate: GateView,
    title: str,
    mean: Optional[GateMean] = None,
) -> None:
    """Draw the weight that a gate gives to appearance features, and their magnitude.

    Weights have a fixed scale from 0 to 100 %. Between them and the magnitude are the
    mean weights over a set of images and the difference of this image from them.

    Args:
        figure: matplotlib figure or subfigure to draw on.
        image: (3, H, W), 0 to 255.
        gate: what the gate does with the image.
        title: name of the mapper.
        mean: the weights over a set of images, None if they are not known.
    """
    plural = 's' if len(gate.sources) > 1 else ''
    stages = ' and '.join(map(str, gate.sources))
    figure.suptitle(
        f'{title}: appearance stage{plural} {stages} into semantic stage '
        f'{gate.target} (counted from 0)\n',
        fontsize=11,
    )
    left, middle, right, last = figure.subplots(1, 4)
    weights = weight_map(gate)
    if weights is None:
        _draw_values(left, gate.weight.float().flatten())
    else:
        shown = overlay(left, image, weights, 'viridis', ALL)
        _bar(figure, left, shown, 'mean over channels')
        left.set_title(f'{TITLE}\nmean {percent(weights.mean(), 3)}')
    if weights is None or mean is None:
        blank(right)
        note = SAME if weights is None else ONE
        blank(middle).text(0, 0.9, fill(note, 36), va='top', fontsize=10)
    else:
        _draw_mean(figure, middle, mean)
        _draw_difference(figure, right, image, weights - mean.mean, mean)
    relative = gate.gated.float() / max(gate.semantic, 1e-12)
    shown = overlay(last, image, relative, 'viridis', (0, float(relative.max())))
    _bar(figure, last, shown, 'magnitude, semantic features = 100%')
    last.set_title(f'Weighted appearance\nmean {percent(relative.mean(), 3)}')


def _draw_mean(figure: object, axes: object, mean: GateMean) -> None:
    """Draw the mean weights over a set of images, on no image."""
    shown = blank(axes).imshow(mean.mean.numpy(), cmap='viridis', vmin=0, vmax=1)
    _bar(figure, axes, shown, 'mean over channels and images')
    text = f'{percent(mean.shared)} of the variance'
    axes.set_title(f'Mean of {mean.images} images\n{text}')


def _draw_difference(
    figure: object, axes: object, image: Tensor, difference: Tensor, mean: GateMean
) -> None:
    """Draw the difference from the mean, on one scale for all images of the set."""
    limit = max(mean.limit, 1e-3)
    shown = overlay(axes, image, difference, 'RdBu_r', (-limit, limit))
    _bar(figure, axes, shown, 'percentage points')
    largest = percent(difference.abs().max(), 2)
    axes.set_title(f'Difference of this image\nup to {largest}')


def _draw_values(axes: object, values: Tensor) -> None:
    """Draw the values of a gate that all positions share."""
    axes.set_box_aspect(0.8)
    if len(values) == 1:
        style = dict(ha='center', va='center')
        blank(axes).text(0.5, 0.6, percent(values[0], 3), fontsize=32, **style)
        text = 'one learned value for\nall positions and images'
        axes.text(0.5, 0.25, text, fontsize=10, **style)
        axes.set_title(TITLE)
        return
    axes.hist(values.numpy(), bins=20, range=(0, 1), color='#35608d')
    axes.xaxis.set_major_formatter(lambda value, _: percent(value))
    axes.set(xlabel='gate weight, equal at all positions')
    axes.set(ylabel=f'number of channels (of {len(values)})')
    axes.set_title(f'{TITLE}\nmean {percent(values.mean(), 3)}')


def _bar(figure: object, axes: object, shown: object, label: str) -> None:
    """Add a colour bar."""
    ticks = dict(shrink=0.85, format=lambda value, _: percent(value, 3))
    figure.colorbar(shown, ax=axes, **ticks).set_label(label, fontsize=9)
