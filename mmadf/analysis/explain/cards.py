"""Cards of a page: a heading, a picture with its colour scale, and a caption."""

from typing import Tuple

import numpy as np

from .pictures import embed, gradient


def scaled_picture(
    pixels: np.ndarray,
    alt: str,
    cmap: str,
    ends: Tuple[str, str],
    caption: str,
    opaque: bool = True,
) -> str:
    """Return a picture above its colour scale and its caption.

    Args:
        pixels: (H, W, 3), uint8.
        alt: text for readers who do not see the picture, escaped here.
        cmap: colour map of matplotlib.
        ends: labels of the first and the last colour.
        caption: HTML.
        opaque: see `heat_map`.

    Raises:
        ImportError: matplotlib is missing.
    """
    low, high = ends
    return (
        f'{embed(pixels, alt)}'
        f'<div class="scale" style="background:{gradient(cmap, opaque)}"></div>'
        f'<div class="ends"><span>{low}</span><span>{high}</span></div>'
        f'<figcaption>{caption}</figcaption>'
    )


def card(head: str, content: str) -> str:
    """Return HTML below a heading, which is HTML too, in a frame."""
    return f'<figure class="card"><h3>{head}</h3>{content}</figure>'


def section(head: str, cards: str) -> str:
    """Return cards side by side below a heading, all of them HTML."""
    return f'<h2>{head}</h2>\n<div class="grid">{cards}</div>\n'


def positions(shape: Tuple[int, int]) -> str:
    """Return the size of a map in words."""
    return f'{shape[0]}&nbsp;×&nbsp;{shape[1]} positions'
