"""Files of figures, and what several plots share."""

from math import ceil
from pathlib import Path
from typing import Dict, Optional, Union

from torch import Tensor
from torch.nn import functional as F

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

MIN_SIZE = 200  # pixels of an overlay, so that interpolated positions look smooth
WHITE = 1.4  # grey level of white, above 1 so that images do not outshine the colours


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
        whole_numbers(axes.xaxis)
        for (name, curve), color in zip(
            curves.items(), colors(len(curves)), strict=True
        ):
            marker = None if axes is left else 'o'
            axes.plot(*curve, label=name, color=color, marker=marker)
    for axes, curves in zip(panels[0], parts, strict=True):
        once = axes is left and list(losses) == list(metrics)
        if not once and (len(curves) > 1 or axes is left):
            ends = [(steps[-1], values[-1]) for steps, values in curves.values()]
            label_ends(axes, ends, list(curves), colors(len(curves)))
    save_figure(figure, path)


def overlay(
    axes: object, image: Tensor, values: Tensor, colors: str, limits: tuple
) -> object:
    """Draw a heat map over a greyscale image; return what a colour bar needs.

    Args:
        axes: matplotlib axes to draw on.
        image: (3, H, W), 0 to 255.
        values: (h, w), which are interpolated to cover the whole image.
        colors: colour map of matplotlib.
        limits: values of the first and the last colour.
    """
    size = [side * ceil(MIN_SIZE / max(image.shape[1:])) for side in image.shape[1:]]
    grey = F.interpolate(image.mean(0)[None, None], size=size)[0, 0]
    large = F.interpolate(values.float()[None, None], size=size, mode='bilinear')[0, 0]
    low, high = limits
    blank(axes).imshow(grey.numpy(), cmap='gray', vmin=0, vmax=255 * WHITE)
    axes.set_xlabel(f'{values.shape[0]} x {values.shape[1]} positions', fontsize=8)
    high = high if high > low else low + 1
    return axes.imshow(large.numpy(), cmap=colors, alpha=0.6, vmin=low, vmax=high)


def blank(axes: object) -> object:
    """Remove ticks and frame; return the axes."""
    axes.set(xticks=[], yticks=[])
    axes.set_frame_on(False)
    return axes


def percent(value: Union[float, Tensor], digits: Optional[int] = None) -> str:
    """Format a share with `digits` significant digits, by default as whole percent."""
    return f'{float(value):.0%}' if digits is None else f'{100 * value:.{digits}g}%'
