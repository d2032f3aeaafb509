"""What a data set contains: the images of each class, and files that are not read."""

import os
from collections import Counter
from pathlib import Path
from typing import Dict, List, Optional

import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.fileio import get_file_backend

from mmadf.utils.messages import first_names

from .data_checks import dataset_classes


def images_per_class(dataset: BaseDataset) -> Optional[Dict[str, int]]:
    """Return the number of images of each class, or None if there are no labels.

    Raises:
        ValueError: a label is not the index of a class.
    """
    names = dataset_classes(dataset)
    if not names or not hasattr(dataset, 'get_data_info') or len(dataset) == 0:
        return None
    counts = Counter()
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        if 'gt_label' not in info:
            return None
        counts.update(np.atleast_1d(info['gt_label']).tolist())
    if unknown := sorted(set(counts) - set(range(len(names)))):
        raise ValueError(
            f'{counts[unknown[0]]} images have the label {unknown[0]}, but there are '
            f'{len(names)} classes, numbered from 0; correct the annotation file.'
        )
    return {name: counts[index] for index, name in enumerate(names)}


def unread_files(dataset: BaseDataset) -> List[str]:
    """Return the files of an image folder that the data set does not read.

    These are files whose names end in none of its `extensions`, and files outside of
    the subfolders. Hidden files are left out.
    """
    if not hasattr(dataset, 'folder_to_idx'):
        return []
    backend = get_file_backend(dataset.img_prefix)
    files = backend.list_dir_or_file(dataset.img_prefix, list_dir=False, recursive=True)
    return sorted(
        file for file in files if os.sep not in file or not dataset.is_valid_file(file)
    )


def describe_unread(dataset: BaseDataset) -> str:
    """Describe the files of an image folder that the data set does not read.

    Returns:
        A clause without a full stop, '' if all files are read; see `unread_files`.
    """
    files = unread_files(dataset)
    if not files:
        return ''
    endings = Counter(Path(file).suffix or 'none' for file in files)
    found = (f'{count:,} x {end}' for end, count in endings.most_common())
    return (
        f'{len(files):,} files of {dataset.img_prefix} are not read (endings: '
        f'{first_names(found, 8)}; first file: {files[0]}); the data set reads '
        f'{", ".join(sorted(dataset.extensions))} in the folders of the classes'
    )
