"""Plots and photographs as data URIs, which a page contains."""

import io
from base64 import b64encode
from contextlib import contextmanager
from typing import Dict, Iterator, List, Optional, Sequence

from torch import Tensor

from mmadf.analysis.calibration import Bin
from mmadf.analysis.logs import (
    Curve,
    is_validated,
    training_curve,
    validation_curve,
    validation_unit,
)
from mmadf.analysis.plots import blank, import_pyplot, literal, overlay

# Okabe and Ito's colours, which colour-blind readers can tell apart.
COLORS = ('#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9')
STYLE = {
    'axes.spines.right': False,
    'axes.spines.top': False,
    'axes.grid': True,
    'grid.alpha': 0.3,
    'font.size': 11,
    'svg.fonttype': 'none',  # text remains text
    'svg.hashsalt': 'mmadf',  # one run gives one file
}
SIZE = (5, 3.4)  # inches of a plot, legible on a telephone
PHOTO = 2.4  # inches of a photograph's longer side


def data_uri(content: bytes, kind: str) -> str:
    """Return content of a MIME type as the address of a picture."""
    return f'data:{kind};base64,{b64encode(content).decode()}'


@contextmanager
def _plot(found: List[str], size: Sequence[float] = SIZE) -> Iterator[object]:
    """Yield a figure to draw on, and append it to `found` as an SVG."""
    plt, file = import_pyplot(), io.BytesIO()
    cycle = plt.cycler(color=COLORS)
    with plt.rc_context({**STYLE, 'axes.prop_cycle': cycle}):
        figure = plt.figure(figsize=size, layout='constrained')
        yield figure
        figure.savefig(file, format='svg', metadata=dict(Date=None))
        plt.close(figure)
    found.append(data_uri(file.getvalue(), 'image/svg+xml'))


def plot_losses(records: List[dict]) -> str:
    """Plot the losses of both heads by iteration, or the only loss.

    Args:
        records: log of a run, see `read_log`.
    """
    logged = {key for record in records for key in record if key.endswith('_loss')}
    keys = sorted(logged - {'orthogonality_loss'}) or ['loss']
    curves = {key.replace('_', ' '): training_curve(records, key) for key in keys}
    return _plot_curves(curves, 'iteration', 'training loss')


def plot_accuracy(records: List[dict]) -> str:
    """Plot the top-1 validation accuracy, '' for a run without validation."""
    if not is_validated(records):
        return ''
    curves = dict(top1=validation_curve(records))
    unit = validation_unit(records)
    return _plot_curves(curves, unit, 'validation top-1 (%)', marker='.')


def _plot_curves(curves: Dict[str, Curve], unit: str, label: str, **style) -> str:
    """Plot curves, on a logarithmic scale if they extend over more than a decade."""
    found: List[str] = []
    values = [value for _, column in curves.values() for value in column]
    with _plot(found) as figure:
        axes = figure.subplots()
        for name, curve in curves.items():
            axes.plot(*curve, label=literal(name), **style)
        axes.set(xlabel=unit, ylabel=label)
        axes.xaxis.get_major_locator().set_params(integer=True)
        if 0 < 10 * min(values) < max(values):
            axes.set_yscale('log', subs=())
            axes.yaxis.get_major_locator().set_params(subs=(1, 2, 5))
            axes.yaxis.set_major_formatter('{x:g}')
        if len(curves) > 1:
            axes.legend()
    return found[0]


def plot_reliability(bins: List[Bin]) -> str:
    """Plot accuracy by confidence, and below how many images have this confidence."""
    found: List[str] = []
    with _plot(found, (5, 5)) as figure:
        above, below = figure.subplots(2, sharex=True, height_ratios=[3, 1])
        lows, width = [row.low for row in bins], bins[0].high
        bars = dict(width=width, align='edge', edgecolor='white')
        above.bar(lows, [100 * row.accuracy for row in bins], **bars, label='accuracy')
        above.plot([0, 1], [0, 100], '--', color=COLORS[1], label='calibrated')
        above.set(ylabel='accuracy (%)', xlim=(0, 1), ylim=(0, 100))
        above.legend(loc='upper left')
        below.bar(lows, [row.images for row in bins], **bars, color='#777777')
        below.set(xlabel='confidence', ylabel='images')
    return found[0]


def photograph(image: Tensor, values: Optional[Tensor] = None) -> str:
    """Return an image, or a heat map over the image in grey, as a JPEG.

    Args:
        image: (3, H, W), 0 to 255.
        values: heat map, (h, w), >= 0.
    """
    plt, file = import_pyplot(), io.BytesIO()
    height, width = image.shape[1:]
    inches = PHOTO / max(height, width)
    figure = plt.figure(figsize=(width * inches, height * inches))
    axes = blank(figure.add_axes((0, 0, 1, 1)))
    if values is None:
        axes.imshow(image.permute(1, 2, 0).byte().numpy())
    else:
        overlay(axes, image, values, 'inferno', (0, float(values.max())))
    figure.savefig(file, format='jpg', dpi=150)
    plt.close(figure)
    return data_uri(file.getvalue(), 'image/jpeg')
