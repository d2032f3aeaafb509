"""The style of all figures: size, fonts, colours, and labels beside the data."""

import re
from contextlib import contextmanager
from typing import Iterator, List, Sequence, Tuple

import numpy as np

from mmadf.utils.optional import import_optional

# Inches. A README shows a figure some 830 pixels wide, so that text of 10 points has a
# height of 14 pixels there.
WIDTH = 8.4
DPI = 200  # twice the pixels that a README shows, for screens with dense pixels
# Okabe and Ito's palette, which colour-blind readers can tell apart, without its yellow
# and black. Blue and vermilion also mark what is right and wrong, more and less.
PALETTE = ('#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9')
RIGHT, WRONG = PALETTE[:2]
DIVERGING = 'RdBu'  # differences: positive ones are blue, negative ones red
TEXT = '0.15'  # black on white at any size; coloured names would be too light
MANY = (
    'viridis',
    0.8,
)  # colour map for more, and where it gets too light for lines on white
LINE = 1.35  # height of a line of text in units of the font size
STYLE = {
    'axes.axisbelow': True,
    'axes.grid': True,
    'axes.spines.right': False,
    'axes.spines.top': False,
    'axes.titlelocation': 'left',
    'axes.titlesize': 11,
    'figure.constrained_layout.use': True,
    'font.size': 10,
    'grid.alpha': 0.3,
    'grid.linewidth': 0.6,
    'image.cmap': 'viridis',
    'legend.frameon': False,
    'lines.linewidth': 1.6,
    'lines.markersize': 5,
    'savefig.dpi': DPI,
}


def import_pyplot() -> object:
    """Return matplotlib's pyplot, set to write files.

    Raises:
        ImportError: matplotlib is missing.
    """
    import_optional('matplotlib').use('Agg')
    return import_optional('matplotlib.pyplot')


@contextmanager
def styled() -> Iterator[object]:
    """Draw in the style of this project; also a decorator, `@styled()`.

    Yields:
        Matplotlib's pyplot. Its settings are restored at the end.

    Raises:
        ImportError: matplotlib is missing.
    """
    plt = import_pyplot()
    with plt.rc_context(STYLE):
        yield plt


def colors(count: int) -> List[str]:
    """Return as many different colours, in which lines can be drawn on white."""
    if count <= len(PALETTE):
        return list(PALETTE[:count])
    matplotlib = import_optional('matplotlib')
    name, last = MANY
    rgb = matplotlib.colormaps[name](np.linspace(0, last, count))
    return [matplotlib.colors.to_hex(color) for color in rgb]


def metric_label(metric: str) -> str:
    """Return the name of a metric of MMPretrain, as 'accuracy/top1', for an axis."""
    return re.sub(r'^accuracy/top(\d+)$', r'top-\1 accuracy (%)', metric)


def whole_numbers(axis: object) -> None:
    """Put the ticks of an axis of epochs or iterations at whole numbers only."""
    axis.get_major_locator().set_params(integer=True, min_n_ticks=1)


def label_ends(
    axes: object,
    points: Sequence[Tuple[float, float]],
    names: Sequence[str],
    line_colors: Sequence[str],
) -> None:
    """Write names to the right of a plot, connected with their points by thin lines.

    The names keep the vertical order of the points and do not overlap. Call it last,
    because the limits of the plot decide where the points are.

    Args:
        axes: matplotlib axes.
        points: where each curve ends, in units of the axes.
        names: text beside each point.
        line_colors: colour of each curve.
    """
    figure = axes.get_figure(root=True)
    figure.draw_without_rendering()  # lays the axes out
    pixels = axes.get_window_extent().height
    size = import_optional('matplotlib').rcParams['font.size']
    to_axes = axes.transData + axes.transAxes.inverted()
    heights = to_axes.transform(points)[:, 1]
    gap = LINE * size * figure.dpi / 72 / pixels
    for point, height, name, color in zip(
        points, spread(heights, gap), names, line_colors, strict=True
    ):
        label_point(axes, point, (1.05, height), name, color)


def label_point(
    axes: object, point: tuple, place: tuple, name: str, color: str
) -> None:
    """Write a name at a place in fractions of the axes, connected with a point."""
    line = dict(arrowstyle='-', linestyle=':', linewidth=1, color=color, shrinkB=4)
    axes.annotate(
        name.replace('$', r'\$'),
        point,
        place,
        textcoords='axes fraction',
        va='center',
        color=TEXT,
        arrowprops=dict(line, relpos=(0, 0.5)),
        annotation_clip=False,
    )


def spread(heights: Sequence[float], gap: float) -> np.ndarray:
    """Return the heights in [0, 1] closest to given ones and at least `gap` apart.

    Closest is the least sum of squared distances: after the gaps are taken out, groups
    in the wrong order move to their common mean (isotonic regression). More heights
    than fit reach below 0.
    """
    heights = np.asarray(heights, dtype=float)
    order = np.argsort(heights, kind='stable')
    groups: List[List[float]] = []
    for rank, height in enumerate(heights[order]):
        groups.append([height - rank * gap])
        while len(groups) > 1 and np.mean(groups[-2]) > np.mean(groups[-1]):
            groups[-2:] = [groups[-2] + groups[-1]]
    means = [np.mean(group) for group in groups for _ in group]
    result = np.empty_like(heights)
    gaps = gap * np.arange(len(means))
    result[order] = np.clip(means, 0, 1 - gaps[-1]) + gaps
    return result
