"""What can be wrong with images: they do not decode, or are there twice."""

import io
from collections import defaultdict
from typing import Dict, List, Optional

import mmcv


def decode_problem(content: bytes) -> Optional[str]:
    """Say why an image cannot be used, None if it can.

    Two decoders look at it: Pillow refuses truncated files, whose rest OpenCV fills
    with grey, and MMCV, which the pipelines use, refuses formats that Pillow knows.

    Args:
        content: an image file.
    """
    from PIL import Image, ImageFile

    strict = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        with Image.open(io.BytesIO(content)) as image:
            image.load()
        if mmcv.imfrombytes(content) is None:
            return f'{image.format} that MMCV cannot decode'
    except Exception as error:  # decoders raise whatever the bytes lead them to
        return f'{type(error).__name__}: {error}'
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = strict
    return None


def same_images(digests: Dict[str, str]) -> Dict[str, List[List[str]]]:
    """Group images with equal content.

    Args:
        digests: 'split/class/file' -> hash of the content.

    Returns:
        `duplicates`: groups whose images are all in one split; `leaks`: groups with
        images in several. Sorted by their first image.
    """
    groups: Dict[str, List[str]] = defaultdict(list)
    for target in sorted(digests):
        groups[digests[target]].append(target)
    found = dict(duplicates=[], leaks=[])
    for group in groups.values():
        if len(group) > 1:
            splits = {target.split('/')[0] for target in group}
            found['leaks' if len(splits) > 1 else 'duplicates'].append(group)
    return found
