"""Files of figures, and what several plots share."""

from pathlib import Path
from typing import Dict

from mmadf.utils.command_line import check_writable
from mmadf.utils.optional import import_optional

from .logs import Curve
from .style import (
    WIDTH,
    colors,
    import_pyplot,
    label_ends,
    metric_label,
    styled,
    whole_numbers,
)


def check_figure(path: Path) -> None:
    """Check that a figure can be drawn and written, before any work.

    Args:
        path: image file to write.

    Raises:
        ImportError: matplotlib is missing.
        ValueError: the file extension is not that of an image.
        OSError: the file cannot be written.
    """
    import_pyplot()
    canvas = import_optional('matplotlib.backend_bases').FigureCanvasBase
    formats = canvas.get_supported_filetypes()
    if path.suffix[1:].lower() not in formats or path.is_dir():
        raise ValueError(
            f'{str(path)!r} must be the name of an image file, *.png; the known '
            f'formats are {", ".join(formats)}.'
        )
    check_writable(path.parent)


def literal(text: object) -> str:
    """Return text that matplotlib shows as it is, without formulas between dollars."""
    return str(text).replace('$', r'\$')


def save_figure(figure: object, path: Path, tight: bool = False) -> None:
    """Write a figure to a file, create its folder if needed, and close the figure.

    Args:
        figure: of pyplot.
        path: image file to write.
        tight: whether to crop empty margins, for figures without a layout.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, bbox_inches='tight' if tight else None)
    import_pyplot().close(figure)


@styled()
def plot_learning_curves(
    losses: Dict[str, Curve],
    metrics: Dict[str, Curve],
    metric: str,
    unit: str,
    path: Path,
    yscale: str = 'linear',
) -> None:
    """Plot training losses on the left and validation metrics on the right.

    Args:
        losses: losses by iteration, by name.
        metrics: metrics by epoch or iteration, by name; {} for runs without validation,
            for which the losses are all that is plotted. If they have the names of the
            losses, each name is written once, beside its metric.
        metric: name of the metrics.
        unit: unit of the validations, 'epoch' or 'iteration'.
        path: image file to write.
        yscale: of the losses, 'linear' or 'log'.
    """
    parts = [losses, metrics] if metrics else [losses]
    height = max(3.2, 0.22 * len(losses) + 0.8)
    figure, panels = import_pyplot().subplots(
        1, len(parts), figsize=(WIDTH, height), squeeze=False
    )
    left, *rest = panels[0]
    left.set(xlabel='iteration', ylabel='loss', title='Training', yscale=yscale)
    for right in rest:
        right.set(xlabel=unit, ylabel=literal(metric_label(metric)), title='Validation')
    for axes, curves in zip(panels[0], parts, strict=True):
        draw_curves(axes, curves, marker=None if axes is left else 'o')
    for axes, curves in zip(panels[0], parts, strict=True):
        once = axes is left and list(losses) == list(metrics)
        if not once and (len(curves) > 1 or axes is left):
            ends = [(steps[-1], values[-1]) for steps, values in curves.values()]
            label_ends(axes, ends, list(curves), colors(len(curves)))
    save_figure(figure, path)


def draw_curves(axes: object, curves: Dict[str, Curve], **style) -> None:
    """Draw curves by name over whole numbers, each in a colour of its own.

    Args:
        axes: matplotlib axes.
        curves: steps and values by name.
        **style: of all lines, see `matplotlib.lines.Line2D`.
    """
    whole_numbers(axes.xaxis)
    for (name, curve), color in zip(curves.items(), colors(len(curves)), strict=True):
        axes.plot(*curve, label=literal(name), color=color, **style)
