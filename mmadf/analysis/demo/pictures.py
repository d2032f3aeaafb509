"""Pictures of a page as data URIs, so that no file of the server has an address."""

import io
from base64 import b64encode
from math import ceil
from typing import Sequence, Tuple

import numpy as np
import PIL.Image
from torch import Tensor
from torch.nn import functional as F

from mmadf.analysis.plots import MIN_SIZE, WHITE
from mmadf.utils.optional import import_optional

OPACITY = 0.6  # of the colours of a heat map over an image
STEPS = 8  # colours of a colour bar


def photograph(image: Tensor) -> str:
    """Return an image, (3, H, W), 0 to 255, as a data URI."""
    return _data_uri(_large(image).permute(1, 2, 0).byte().numpy())


def heat_map(
    image: Tensor, values: Tensor, colors: str, limits: Tuple[float, float]
) -> str:
    """Return a heat map over an image in grey as a data URI.

    Args:
        image: (3, H, W), 0 to 255.
        values: (h, w), which are interpolated to cover the whole image.
        colors: colour map of matplotlib.
        limits: values of the first and the last colour.
    """
    grey = _large(image).mean(0)
    large = F.interpolate(values.float()[None, None], size=grey.shape, mode='bilinear')[
        0, 0
    ]
    heat = 255 * _colored(large, colors, limits)
    mixed = OPACITY * heat + (1 - OPACITY) * grey[..., None].numpy() / WHITE
    return _data_uri(mixed.round().astype(np.uint8))


def position_map(values: Tensor, colors: str, limits: Tuple[float, float]) -> str:
    """Return a map of weights, (h, w), as squares of one colour, as a data URI."""
    pixels = (255 * _colored(values.float(), colors, limits)).round().astype(np.uint8)
    step = ceil(MIN_SIZE / max(values.shape))
    return _data_uri(pixels.repeat(step, 0).repeat(step, 1))


def gradient(colors: str) -> str:
    """Return a colour map of matplotlib as the stops of a gradient of CSS."""
    maps = import_optional('matplotlib').colormaps
    hexadecimal = import_optional('matplotlib.colors').to_hex
    return ', '.join(hexadecimal(color) for color in maps[colors](_spaced()))


def _spaced() -> Sequence[float]:
    return np.linspace(0, 1, STEPS)


def _large(image: Tensor) -> Tensor:
    """Return an image that is enlarged, if it is small, without interpolation."""
    factor = ceil(MIN_SIZE / max(image.shape[-2:]))
    return F.interpolate(image.float()[None], scale_factor=factor)[0]


def _colored(values: Tensor, colors: str, limits: Tuple[float, float]) -> np.ndarray:
    """Return (H, W, 3) in [0, 1]."""
    low, high = limits
    scaled = (values - low) / (high - low if high > low else 1)
    return import_optional('matplotlib').colormaps[colors](scaled.numpy())[..., :3]


def _data_uri(pixels: np.ndarray) -> str:
    """Return RGB pixels, (H, W, 3), as a JPEG in a data URI."""
    file = io.BytesIO()
    PIL.Image.fromarray(pixels).save(file, 'JPEG', quality=90, subsampling=0)
    return f'data:image/jpeg;base64,{b64encode(file.getvalue()).decode()}'
