"""Pictures of a page: heat maps over photographs, and images within HTML."""

import base64
import io
from html import escape
from typing import Optional, Sequence, Tuple

import numpy as np
import PIL.Image
import torch
from torch import Tensor
from torch.nn import functional as F

from mmadf.utils.optional import import_optional

SMALL = 100  # pixels; smaller images are shown enlarged, without interpolation
SIDE = 900  # pixels of the longer side of a heat map
THUMBNAIL = 320


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
            smaller than `THUMBNAIL` enlarged; None for the map alone.
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
        return _colored(values, shape, cmap, limits)[0].round().astype(np.uint8)
    photo = resize(photo, SIDE, THUMBNAIL)
    colors, shares = _colored(values, photo.shape[:2], cmap, limits)
    alpha = np.full_like(shares, 0.6) if opaque else 0.75 * shares
    mixed = alpha[..., None] * colors + (1 - alpha[..., None]) * photo
    return mixed.round().astype(np.uint8)


def _colored(
    values: Tensor, shape: Sequence[int], cmap: str, limits: Tuple[float, float]
) -> Tuple[np.ndarray, np.ndarray]:
    """Return the colours of values that are interpolated to a shape, and their shares.

    Colours are (H, W, 3), 0 to 255; shares, (H, W), are 0 and 1 at the limits.
    """
    low, high = limits
    large = F.interpolate(values.float()[None, None], size=shape, mode='bilinear')
    shares = ((large[0, 0] - low) / max(high - low, 1e-12)).clamp(0, 1).numpy()
    return 255 * import_optional('matplotlib').colormaps[cmap](shares)[..., :3], shares


def resize(pixels: np.ndarray, longest: int, shortest: int = 0) -> np.ndarray:
    """Reduce an image to a longer side, or enlarge it to at least another one.

    Args:
        pixels: (H, W, 3), uint8.
        longest: what the longer side is reduced to.
        shortest: what the longer side is enlarged to, without interpolation.
    """
    height, width = pixels.shape[:2]
    side = max(height, width)
    factor = longest / side if side > longest else max(1, shortest / side)
    if factor == 1:
        return pixels
    size = max(1, round(width * factor)), max(1, round(height * factor))
    kind = PIL.Image.Resampling
    method = kind.LANCZOS if factor < 1 else kind.NEAREST
    return np.asarray(PIL.Image.fromarray(pixels).resize(size, method))


def embed(pixels: np.ndarray, alt: str, classes: str = '') -> str:
    """Return an image as an HTML element that needs no other file.

    Args:
        pixels: (H, W, 3), uint8.
        alt: text for readers who do not see the image, escaped here.
        classes: CSS classes, separated by spaces.
    """
    height, width = pixels.shape[:2]
    small = max(height, width) < SMALL
    content = io.BytesIO()
    kind = dict(format='PNG') if small else dict(format='JPEG', quality=90)
    PIL.Image.fromarray(pixels).save(content, **kind)
    data = base64.b64encode(content.getvalue()).decode()
    return (
        f'<img class="{classes}{" small" if small else ""}" alt="{escape(alt)}" '
        f'width="{width}" height="{height}" '
        f'src="data:image/{kind["format"].lower()};base64,{data}">'
    )


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
