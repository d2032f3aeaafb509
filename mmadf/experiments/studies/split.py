"""Chooses training and validation images of a folder."""

from logging import WARNING
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np
from mmengine.logging import print_log
from mmpretrain.datasets import CustomDataset

from mmadf.engine.data_contents import describe_unread
from mmadf.utils.files import atomic_write

Sample = Tuple[str, int]  # path relative to the folder, label


def hold_out(
    samples: Sequence[Sample], fraction: float, seed: int
) -> Tuple[List[Sample], List[Sample]]:
    """Split samples in two, stratified by class.

    Args:
        samples: path and label of each image.
        fraction: fraction of each class to hold out, in (0, 1); at least one image of
            each class is held out and at least one is kept.
        seed: random seed of the split.

    Returns:
        The samples that are kept and those held out, both in their original order.

    Raises:
        ValueError: `fraction` is out of range, or a class has a single image.
    """
    if not 0 < fraction < 1:
        raise ValueError(f'val_fraction={fraction} must be in (0, 1).')
    held_out, generator = set(), np.random.default_rng(seed)
    for label in sorted({label for _, label in samples}):
        members = [i for i, sample in enumerate(samples) if sample[1] == label]
        if len(members) < 2:
            raise ValueError(
                f'class {label} has a single image; at least 2 are required, so that '
                'one can be held out for validation.'
            )
        count = min(max(1, round(fraction * len(members))), len(members) - 1)
        held_out.update(generator.permutation(members)[:count].tolist())
    kept = [sample for i, sample in enumerate(samples) if i not in held_out]
    return kept, [samples[i] for i in sorted(held_out)]


def keep_per_class(
    samples: Sequence[Sample], per_class: int, seed: int
) -> List[Sample]:
    """Choose the same number of samples of each class at random.

    With the same seed, a smaller choice is a part of a larger one.

    Args:
        samples: path and label of each image.
        per_class: number of images of each class, > 0.
        seed: random seed of the choice.

    Returns:
        The chosen samples, in their original order.

    Raises:
        ValueError: a class has fewer images.
    """
    chosen, generator = set(), np.random.default_rng(seed)
    for label in sorted({label for _, label in samples}):
        members = [i for i, sample in enumerate(samples) if sample[1] == label]
        if not 0 < per_class <= len(members):
            raise ValueError(
                f'per_class={per_class} must be in 1 to {len(members)}, the number of '
                f'training images that remain of class {label}.'
            )
        chosen.update(generator.permutation(members)[:per_class].tolist())
    return [samples[i] for i in sorted(chosen)]


def write_once(path: Path, text: str) -> bool:
    """Write a file if it does not exist; return whether it has this text then.

    An existing file is never changed. Runs may be reading it.
    """
    if not path.exists():
        atomic_write(path, text.encode())
    return path.read_text() == text


def write_split(
    folder: Path, out: Path, fraction: float, seed: int, per_class: Optional[int] = None
) -> Dict[str, object]:
    """Split an image folder and write both parts as annotation files.

    A warning is logged if there are files that MMPretrain's `CustomDataset` does not
    read by default.

    Args:
        folder: training images, with one subfolder per class.
        out: folder for `train.txt` and `val.txt`, with a path and a label per line.
        fraction: see `hold_out`.
        seed: see `hold_out`.
        per_class: number of training images of each class to keep, chosen among those
            that are not held out; None for all.

    Returns:
        `classes`, the class names, and `train` and `val`, the two files.

    Raises:
        FileNotFoundError: `folder` does not exist.
        ValueError: `out` holds a different split, which earlier runs may have used; or
            a name contains a line break.
    """
    if not folder.is_dir():
        raise FileNotFoundError(
            f'{folder} is not a folder; set data.root and data.train to the training '
            'images, with one subfolder per class.'
        )
    dataset = CustomDataset(data_root=str(folder))
    if unread := describe_unread(dataset):
        print_log(f'{unread}; convert other images.', level=WARNING)
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    samples = [
        (Path(info['img_path']).relative_to(folder).as_posix(), int(info['gt_label']))
        for info in infos
    ]
    for image, _ in samples:
        if len(image.splitlines()) != 1:
            raise ValueError(
                f'the name {image!r} in {folder} has a line break, but lists of images '
                'have one name per line; rename it.'
            )
    kept, held_out = hold_out(samples, fraction, seed)
    if per_class is not None:
        kept = keep_per_class(kept, per_class, seed)
    split = dict(classes=list(dataset.metainfo['classes']))
    for name, part in (('train', kept), ('val', held_out)):
        path = out / f'{name}.txt'
        text = ''.join(f'{image} {label}\n' for image, label in part)
        if not write_once(path, text):
            raise ValueError(
                f'{path} lists other images than val_fraction={fraction}, '
                f'split_seed={seed} and per_class={per_class} select from {folder}; '
                'restore the images and these fields, or choose another work_dir.'
            )
        split[name] = str(path.resolve())
    return split
