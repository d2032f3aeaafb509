"""Pictures of a page: heat maps over photographs, and images within HTML."""

import io
from base64 import b64encode
from html import escape
from math import ceil
from typing import Optional, Sequence, Tuple

import numpy as np
import PIL.Image
import torch
from torch import Tensor
from torch.nn import functional as F

from mmadf.utils.optional import import_optional

SMALL = 100  # pixels; smaller images are shown enlarged, without interpolation
SIDE = 900  # pixels of the longer side of a heat map
ENLARGED = 200  # pixels that the longer side of a heat map has at least
THUMBNAIL = 320
EVIDENCE_MAP = 'inferno'  # colour map of Grad-CAM
WHITE = 1.4  # by which grey images are darkened, so that they do not outshine colours


def heat_map(
    photo: Optional[np.ndarray],
    values: Tensor,
    cmap: str,
    limits: Tuple[float, float],
    opaque: bool = True,
) -> np.ndarray:
    """Return an image in colour with a map over it, (H', W', 3), uint8.

    Args:
        photo: (H, W, 3), uint8; images larger than `SIDE` pixels are reduced, those
            smaller than `ENLARGED` enlarged; None for the map alone.
        values: (h, w), which are interpolated to cover the whole image.
        cmap: colour map of matplotlib.
        limits: values of the first and the last colour.
        opaque: whether low values have the same opacity as high ones; otherwise the
            image remains as it is where the value is `limits[0]`.

    Raises:
        ImportError: matplotlib is missing.
    """
    if photo is None:
        shape = [max(1, THUMBNAIL // max(values.shape)) * side for side in values.shape]
        return color_map(_interpolate(values, shape), cmap, limits)
    photo = resize(photo)
    large = _interpolate(values, photo.shape[:2])
    alpha = 0.6 if opaque else 0.75 * _shares(large, limits)[..., None]
    mixed = alpha * color_map(large, cmap, limits) + (1 - alpha) * photo
    return mixed.round().astype(np.uint8)


def color_map(values: Tensor, cmap: str, limits: Tuple[float, float]) -> np.ndarray:
    """Return the colours of values, one pixel for each, (h, w, 3), uint8.

    Args:
        values: (h, w).
        cmap: colour map of matplotlib.
        limits: values of the first and the last colour.

    Raises:
        ImportError: matplotlib is missing.
    """
    colors = import_optional('matplotlib').colormaps[cmap](_shares(values, limits))
    return (255 * colors[..., :3]).round().astype(np.uint8)


def _shares(values: Tensor, limits: Tuple[float, float]) -> np.ndarray:
    """Return values as shares, which are 0 and 1 at the limits and beyond."""
    low, high = limits
    return ((values.float() - low) / max(high - low, 1e-12)).clamp(0, 1).numpy()


def _interpolate(values: Tensor, shape: Sequence[int]) -> Tensor:
    return F.interpolate(values.float()[None, None], size=shape, mode='bilinear')[0, 0]


def darkened_grey(photo: np.ndarray) -> np.ndarray:
    """Return an image in grey, on which the colours of a heat map are easy to tell.

    Args:
        photo: (H, W, 3), uint8.
    """
    grey = (photo.mean(2, keepdims=True) / WHITE).round().astype(np.uint8)
    return grey.repeat(3, 2)


def resize(
    pixels: np.ndarray, longest: int = SIDE, shortest: int = ENLARGED
) -> np.ndarray:
    """Reduce an image to a longer side, or enlarge it to at least another one.

    Args:
        pixels: (H, W, 3), uint8.
        longest: what the longer side is reduced to.
        shortest: what the longer side is at least enlarged to. Each pixel becomes a
            square of several pixels.
    """
    height, width = pixels.shape[:2]
    side = max(height, width)
    factor = longest / side if side > longest else max(1, ceil(shortest / side))
    if factor == 1:
        return pixels
    size = max(1, round(width * factor)), max(1, round(height * factor))
    kind = PIL.Image.Resampling
    method = kind.LANCZOS if factor < 1 else kind.NEAREST
    return np.asarray(PIL.Image.fromarray(pixels).resize(size, method))


def embed(pixels: np.ndarray, alt: str) -> str:
    """Return an image as an HTML element that needs no other file.

    Args:
        pixels: (H, W, 3), uint8.
        alt: text for readers who do not see the image, escaped here.
    """
    height, width = pixels.shape[:2]
    small = 'class="small" ' if _is_small(pixels) else ''
    return (
        f'<img {small}alt="{escape(alt)}" '
        f'width="{width}" height="{height}" src="{picture_uri(pixels)}">'
    )


def picture_uri(pixels: np.ndarray) -> str:
    """Return an image, (H, W, 3), uint8, as its own address: a PNG if it is small."""
    content = io.BytesIO()
    kind = dict(format='PNG') if _is_small(pixels) else dict(format='JPEG', quality=90)
    PIL.Image.fromarray(pixels).save(content, **kind)
    return data_uri(content.getvalue(), f'image/{kind["format"].lower()}')


def data_uri(content: bytes, kind: str) -> str:
    """Return content of a MIME type as its own address."""
    return f'data:{kind};base64,{b64encode(content).decode()}'


def _is_small(pixels: np.ndarray) -> bool:
    return max(pixels.shape[:2]) < SMALL


def gradient(cmap: str, opaque: bool = True) -> str:
    """Return the colours of a map as a CSS background, from low to high."""
    shares = torch.linspace(0, 1, 9).numpy()
    colors = import_optional('matplotlib').colormaps[cmap](shares)[:, :3]
    stops = [
        f'rgba({",".join(str(round(255 * part)) for part in color)},'
        f'{1 if opaque else 0.75 * share:.2f})'
        for share, color in zip(shares, colors, strict=True)
    ]
    return f'linear-gradient(to right,{",".join(stops)})'
