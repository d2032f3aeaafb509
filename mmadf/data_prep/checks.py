"""Checks of images: whether they decode, and whether some are identical."""

import io
from collections import defaultdict
from typing import Dict, List, Optional

import mmcv
import PIL.Image

from mmadf.utils.images import MAX_PIXELS, oversize


def decode_problem(content: bytes, backend: Optional[str] = None) -> Optional[str]:
    """Return why an image cannot be decoded, or None if it can.

    Two decoders are tried: Pillow, which refuses truncated files, whereas OpenCV 4 pads
    them with grey; and MMCV, which the pipelines use and which supports fewer formats.

    Args:
        content: content of an image file.
        backend: decoder of MMCV, such as 'pillow'; None for the default, 'cv2'.
    """
    try:
        if problem := oversize(content, MAX_PIXELS):
            return problem
        with PIL.Image.open(io.BytesIO(content)) as image:
            image.load()
        if mmcv.imfrombytes(content, backend=backend) is None:
            return f'{image.format} that MMCV cannot decode'
    except PIL.UnidentifiedImageError:  # its text contains the address of an object
        return 'UnidentifiedImageError: no image format that Pillow can decode'
    except Exception as error:  # decoders raise many types of errors
        return f'{type(error).__name__}: {error}'
    return None


def find_duplicates(digests: Dict[str, str]) -> Dict[str, List[List[str]]]:
    """Group images with identical content.

    Args:
        digests: hash of the content of each 'split/class/file'.

    Returns:
        `duplicates`, groups within one split, and `leaks`, groups that span several
        splits, both sorted by their first image.
    """
    groups: Dict[str, List[str]] = defaultdict(list)
    for target in sorted(digests):
        groups[digests[target]].append(target)
    found = dict(duplicates=[], leaks=[])
    for group in groups.values():
        splits = {target.split('/')[0] for target in group}
        if len(group) > 1:
            found['leaks' if len(splits) > 1 else 'duplicates'].append(group)
    return found
