"""The gate of a mapper, drawn over the image."""

from typing import List

from torch import Tensor

from mmadf.analysis.plots import blank, overlay, percent

from .explanation import GateView

TITLE = 'Gate weight'


def draw_gate(figure: object, image: Tensor, index: int, gates: List[GateView]) -> None:
    """Draw the weight that a gate gives to appearance features, and their magnitude.

    Args:
        figure: matplotlib figure or subfigure to draw on.
        image: (3, H, W), 0 to 255.
        index: of the gate in `gates`.
        gates: those of all mappers.
    """
    gate = gates[index]
    plural = 's' if len(gate.sources) > 1 else ''
    stages = ' and '.join(map(str, gate.sources))
    figure.suptitle(
        f'Mapper {index + 1} of {len(gates)}: appearance stage{plural} {stages} '
        f'into semantic stage {gate.target} (counted from 0)\n',
        fontsize=11,
    )
    left, right = figure.subplots(1, 2)
    weight = gate.weight.float()
    if gate.gate in ('element', 'spatial'):
        low, high = float(weight.mean(0).min()), float(weight.mean(0).max())
        limits = low, max(high, low + 0.01)
        shown = overlay(left, image, weight.mean(0), 'viridis', limits)
        _bar(figure, left, shown, 'mean over channels')
        left.set_title(f'{TITLE}\nmean {percent(weight.mean(), 3)}')
    else:
        _draw_values(left, weight.flatten())
    relative = gate.gated.float() / max(gate.semantic, 1e-12)
    shown = overlay(right, image, relative, 'viridis', (0, float(relative.max())))
    _bar(figure, right, shown, 'magnitude, semantic features = 100%')
    right.set_title(f'Weighted appearance\nmean {percent(relative.mean(), 3)}')


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
