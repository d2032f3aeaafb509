"""Matplotlib, where it is there, and what several pictures share."""

from math import ceil
from pathlib import Path

from torch import Tensor
from torch.nn import functional as F

SMOOTH = 200  # pixels at least, so that the edges of a map's places do not show
DIM = 1.4  # the white of grey images, so that they do not outshine the colours


def import_pyplot() -> object:
    """Return matplotlib's pyplot, set to write files.

    Raises:
        ImportError: matplotlib is missing.
    """
    try:
        import matplotlib
    except ImportError as error:
        raise ImportError(
            'the picture is drawn by matplotlib: pip install matplotlib'
        ) from error
    matplotlib.use('Agg')
    from matplotlib import pyplot

    return pyplot


def save_figure(
    figure: object, path: Path, dpi: int = 120, tight: bool = False
) -> None:
    """Write a figure, make the folder where it is missing, and free the figure.

    Args:
        figure: of pyplot.
        path: picture to write.
        dpi: pixels per inch.
        tight: cut off what is empty around it, for figures without a layout.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=dpi, bbox_inches='tight' if tight else None)
    import_pyplot().close(figure)


def overlay(
    axes: object, image: Tensor, places: Tensor, colors: str, limits: tuple
) -> object:
    """Colour a grey image by a map; return what a colour bar needs.

    Args:
        axes: takes the picture.
        image: (3, H, W), 0 to 255.
        places: the map, (h, w), of the whole image.
        colors: colour map of matplotlib.
        limits: values of the first and the last colour.
    """
    size = [side * ceil(SMOOTH / max(image.shape[1:])) for side in image.shape[1:]]
    grey = F.interpolate(image.mean(0)[None, None], size=size)[0, 0]
    large = F.interpolate(places.float()[None, None], size=size, mode='bilinear')[0, 0]
    low, high = limits
    blank(axes).imshow(grey.numpy(), cmap='gray', vmin=0, vmax=255 * DIM)
    axes.set_xlabel(f'from {places.shape[0]} x {places.shape[1]} places', fontsize=8)
    high = high if high > low else low + 1
    return axes.imshow(large.numpy(), cmap=colors, alpha=0.6, vmin=low, vmax=high)


def blank(axes: object) -> object:
    """Return axes, now without ticks and frame."""
    axes.set(xticks=[], yticks=[])
    axes.set_frame_on(False)
    return axes


def plain(text: str) -> str:
    """Return a text in which matplotlib finds no formula between dollar signs."""
    return text.replace('$', r'\$')
