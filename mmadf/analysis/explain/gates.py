"""What a gate lets in, as pictures."""

from typing import List, Union

from torch import Tensor

from mmadf.analysis.plots import blank, overlay

from .explanation import GateView


def draw_gate(figure: object, image: Tensor, index: int, gates: List[GateView]) -> None:
    """Draw where a gate opens, and how much appearance arrives.

    Args:
        figure: takes the pictures.
        image: (3, H, W), 0 to 255.
        index: which gate.
        gates: those of all mappers.
    """
    gate = gates[index]
    several = len(gate.sources) > 1
    stages = ' and '.join(str(source) for source in gate.sources)
    figure.suptitle(
        f'Gate {index + 1} of {len(gates)}: appearance stage{"s" * several} {stages} '
        f'join{"s" * (not several)} semantic stage {gate.target} (counted from 0)\n',
        fontsize=11,
    )
    left, right = figure.subplots(1, 2)
    opening = gate.opening.float()
    mean = f'{_percent(opening.mean())} on average'
    if gate.has_places:
        places = opening.mean(0)
        shown = overlay(left, image, places, 'viridis', _limits(places))
        _bar(figure, left, shown, 'less ... more open')
        left.set_title(f'How far the gate opens\n{mean}')
    else:
        _draw_values(left, gate)
    arriving = gate.arriving.float() / max(gate.joined, 1e-12)
    shown = overlay(right, image, arriving, 'viridis', (0, float(arriving.max())))
    _bar(figure, right, shown, '100%: as strong as what it joins')
    right.set_title(
        f'How much appearance arrives\n{_percent(arriving.mean())} on average'
    )


def _draw_values(axes: object, gate: GateView) -> None:
    """Draw the values of a gate that is the same everywhere in the image."""
    values = gate.opening.float().flatten()
    axes.set_box_aspect(0.8)
    if len(values) == 1:
        blank(axes).text(
            0.5, 0.6, _percent(values[0]), ha='center', va='center', fontsize=32
        )
        text = 'one learned number,\nfor all places and images'
        axes.text(0.5, 0.25, text, ha='center', va='center', fontsize=10)
        axes.set_title('How far the gate opens')
        return
    axes.hist(values.numpy(), bins=20, range=(0, 1), color='#35608d')
    axes.xaxis.set_major_formatter(lambda value, _: _percent(value))
    axes.set(xlabel='shut to open, the same everywhere')
    axes.set(ylabel=f'of {len(values)} feature channels')
    axes.set_title(f'How far the gate opens\n{_percent(values.mean())} on average')


def _limits(places: Tensor) -> tuple:
    """Return the range of a map, at least one percent wide."""
    low, high = float(places.min()), float(places.max())
    return low, max(high, low + 0.01)


def _bar(figure: object, axes: object, shown: object, label: str) -> None:
    bar = figure.colorbar(shown, ax=axes, shrink=0.85, format=lambda v, _: _percent(v))
    bar.set_label(label, fontsize=9)


def _percent(value: Union[float, Tensor]) -> str:
    """Return a share with three digits, for little may arrive."""
    return f'{100 * float(value):.3g}%'
