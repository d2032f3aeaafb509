"""Plots as data URIs, which a page contains."""

import io
from typing import Dict, List

from mmadf.analysis.calibration import Bin
from mmadf.analysis.explain.pictures import data_uri
from mmadf.analysis.logs import (
    Curve,
    training_curve,
    validation_curve,
    validation_metrics,
    validation_unit,
)
from mmadf.analysis.plots import draw_curves
from mmadf.analysis.style import PALETTE, import_pyplot, metric_label, styled

SVG = {
    'svg.fonttype': 'none',  # text remains text
    'svg.hashsalt': 'mmadf',  # one run gives one file
}
TOP1 = 'accuracy/top1'
SIZE = (5, 3.4)  # inches of a plot, legible on a telephone


def _svg(figure: object) -> str:
    """Return a figure as the address of an SVG, and close it."""
    plt, file = import_pyplot(), io.BytesIO()
    with plt.rc_context(SVG):
        figure.savefig(file, format='svg', metadata=dict(Date=None))
    plt.close(figure)
    return data_uri(file.getvalue(), 'image/svg+xml')


def plot_losses(records: List[dict]) -> str:
    """Plot the losses of both heads by iteration, or the only loss.

    Args:
        records: log of a run, see `read_log`.

    Returns:
        '' for a run that was shorter than the interval of its log.
    """
    if not any('loss' in record for record in records):
        return ''
    logged = {key for record in records for key in record if key.endswith('_loss')}
    keys = sorted(logged - {'orthogonality_loss'}) or ['loss']
    curves = {key.replace('_', ' '): training_curve(records, key) for key in keys}
    return _plot_curves(curves, 'iteration', 'training loss')


def plot_validation(records: List[dict]) -> str:
    """Plot the top-1 validation accuracy, or the metric logged first if there is none.

    Args:
        records: log of a run, see `read_log`.

    Returns:
        '' for a run without validation.
    """
    metrics = validation_metrics(records)
    if not metrics:
        return ''
    metric = TOP1 if TOP1 in metrics else metrics[0]
    curves = {metric: validation_curve(records, metric)}
    label = f'validation {metric_label(metric)}'
    return _plot_curves(curves, validation_unit(records), label, marker='.')


@styled()
def _plot_curves(curves: Dict[str, Curve], unit: str, label: str, **style) -> str:
    """Plot curves, on a logarithmic scale if they extend over more than a decade."""
    figure, axes = import_pyplot().subplots(figsize=SIZE)
    draw_curves(axes, curves, **style)
    axes.set(xlabel=unit, ylabel=label)
    values = [value for _, column in curves.values() for value in column]
    if 0 < 10 * min(values) < max(values):
        axes.set_yscale('log', subs=())
        axes.yaxis.get_major_locator().set_params(subs=(1, 2, 5))
        axes.yaxis.set_major_formatter('{x:g}')
    if len(curves) > 1:
        axes.legend()
    return _svg(figure)


@styled()
def plot_reliability(bins: List[Bin]) -> str:
    """Plot accuracy by confidence, and below how many images have this confidence."""
    figure, (above, below) = import_pyplot().subplots(
        2, sharex=True, height_ratios=[3, 1], figsize=(5, 5)
    )
    blue, orange, *_ = PALETTE
    lows = [row.low for row in bins]
    bars = dict(width=bins[0].high, align='edge', edgecolor='white')
    shares = [100 * row.accuracy for row in bins]
    above.bar(lows, shares, **bars, color=blue, label='accuracy')
    above.plot([0, 1], [0, 100], '--', color=orange, label='calibrated')
    above.set(ylabel='accuracy (%)', xlim=(0, 1), ylim=(0, 100))
    above.legend(loc='upper left')
    below.bar(lows, [row.images for row in bins], **bars, color='#777777')
    below.set(xlabel='confidence', ylabel='images')
    return _svg(figure)
