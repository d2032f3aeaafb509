"""Image files: their endings, and their sizes, read before they are decoded."""

import io
import warnings
from pathlib import Path
from typing import Optional, Union

import PIL.Image

# Endings of image files in folders, those of configs/_base_/datasets/image_folder.py.
# MMPretrain's CustomDataset reads fewer by default.
EXTENSIONS = (
    *('.jpg', '.jpeg', '.jpe', '.jfif', '.png', '.webp', '.avif', '.gif'),
    *('.bmp', '.ppm', '.pgm', '.tif', '.tiff'),
)

# Pillow refuses larger images by default. One of this size takes 0.5 GB of memory.
MAX_PIXELS = 178_956_970


def oversize(image: Union[str, Path, bytes], max_pixels: int) -> Optional[str]:
    """Return what is wrong with the size of an image, or None if nothing is.

    Only the header is read. Files whose header Pillow cannot read pass.

    Args:
        image: path of an image file, or its content.
        max_pixels: largest number of pixels that is accepted.
    """
    file = io.BytesIO(image) if isinstance(image, bytes) else image
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', PIL.Image.DecompressionBombWarning)
        try:
            with PIL.Image.open(file) as opened:
                width, height = opened.size
        except PIL.Image.DecompressionBombError as error:
            return str(error)
        except Exception:  # Pillow raises many types of errors on broken files
            return None
    if width * height > max_pixels:
        return f'{width} x {height} pixels, more than {max_pixels:,}'
    return None
