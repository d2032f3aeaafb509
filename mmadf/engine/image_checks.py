"""Checks of the image files of data sets: their size, and whether they decode."""

import os
from typing import Optional

import mmcv
import numpy as np
from mmcv.transforms import LoadImageFromFile
from mmengine.dataset import BaseDataset
from mmengine.fileio import get

from mmadf.utils.images import oversize
from mmadf.utils.messages import first_names, one_line

from .data_checks import inner_datasets


def check_images(
    dataset: BaseDataset, split: str, max_images: int, max_pixels: int
) -> None:
    """Decode `max_images` images of a data set with an image file each.

    Other data sets are not checked.

    Raises:
        ValueError: some of these images cannot be read, or have more than `max_pixels`
            pixels; the message names the `split`.
    """
    if not hasattr(dataset, 'get_data_info') or max_images == 0:
        return
    count = len(dataset) if max_images < 0 else min(max_images, len(dataset))
    chosen = np.linspace(0, len(dataset) - 1, count).round().astype(int)
    paths = [dataset.get_data_info(int(i)).get('img_path') for i in chosen]
    load = _loader(dataset)
    files = [path for path in paths if isinstance(path, (str, os.PathLike))]
    problems = {path: image_problem(path, load, max_pixels) for path in files}
    broken = [f'{path} ({why})' for path, why in problems.items() if why]
    if broken:
        raise ValueError(
            f'{len(broken)} of {count} checked images of the {split} set cannot be '
            f'read: {first_names(broken)}; replace or remove them.'
        )


def _loader(dataset: BaseDataset) -> LoadImageFromFile:
    """Return the transform that decodes the images of a data set."""
    pipeline = getattr(next(inner_datasets(dataset)), 'pipeline', None)
    transforms = getattr(pipeline, 'transforms', ())
    loaders = (t for t in transforms if isinstance(t, LoadImageFromFile))
    return next(loaders, LoadImageFromFile())


def image_problem(path: str, load: LoadImageFromFile, max_pixels: int) -> Optional[str]:
    """Return why an image cannot be read, or None if it can.

    Args:
        path: path, URL or key of the image, as its storage backend reads it.
        load: transform that decodes it, with the `backend_args` of its storage.
        max_pixels: number of pixels above which it is not decoded.
    """
    try:
        is_file = load.backend_args is None and os.path.isfile(path)
        content = path if is_file else get(path, backend_args=load.backend_args)
        if problem := oversize(content, max_pixels):
            return problem
        load(dict(img_path=path))
        return None
    except Exception as error:  # decoders raise whatever they like on broken files
        problem = one_line(error)
    if load.imdecode_backend != 'pillow' and _pillow_reads(path, load):
        return (
            f'{load.imdecode_backend} does not decode it, but Pillow does: set '
            "imdecode_backend='pillow' in LoadImageFromFile"
        )
    return problem


def _pillow_reads(path: str, load: LoadImageFromFile) -> bool:
    try:
        content = get(path, backend_args=load.backend_args)
        mmcv.imfrombytes(content, backend='pillow')
    except Exception:
        return False
    return True
