"""Validation images, held out of a training folder."""

from pathlib import Path
from typing import Dict, List, Sequence, Tuple

import numpy as np
from mmpretrain.datasets import CustomDataset

Sample = Tuple[str, int]  # path below the folder, label


def hold_out(
    samples: Sequence[Sample], fraction: float, seed: int
) -> Tuple[List[Sample], List[Sample]]:
    """Divide samples in two parts, with the same fraction of every class.

    Args:
        samples: path and label of each image.
        fraction: of each class that is held out, in (0, 1); one image at least.
        seed: of the choice, which depends on nothing else.

    Returns:
        What stays and what is held out, each in the order of `samples`.

    Raises:
        ValueError: a fraction outside its range, or a class of a single image.
    """
    if not 0 < fraction < 1:
        raise ValueError(f'hold_out: fraction={fraction} must be in (0, 1).')
    chosen, draw = set(), np.random.default_rng(seed)
    for label in sorted({label for _, label in samples}):
        members = [i for i, sample in enumerate(samples) if sample[1] == label]
        if len(members) < 2:
            raise ValueError(
                f'hold_out: class {label} has a single image; 2 are needed, one of '
                'which is held out.'
            )
        count = min(max(1, round(fraction * len(members))), len(members) - 1)
        chosen.update(draw.permutation(members)[:count].tolist())
    kept = [sample for i, sample in enumerate(samples) if i not in chosen]
    return kept, [samples[i] for i in sorted(chosen)]


def write_split(
    folder: Path, out: Path, fraction: float, seed: int
) -> Dict[str, object]:
    """Hold out part of an image folder and write both parts as annotation files.

    Args:
        folder: a folder of images for each class.
        out: `train.txt` and `val.txt` are written there, lines of path and label.
        fraction: see `hold_out`.
        seed: see `hold_out`.

    Returns:
        `classes`, `train` and `val`: the names of the classes and the two files.

    Raises:
        FileNotFoundError: `folder` does not exist.
        ValueError: `out` holds another choice, with which runs may have been trained.
    """
    if not folder.is_dir():
        raise FileNotFoundError(
            f'{folder} is no folder; set data.root and data.train to the training '
            'images, a folder for each class.'
        )
    dataset = CustomDataset(data_root=str(folder))
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    samples = [
        (Path(info['img_path']).relative_to(folder).as_posix(), int(info['gt_label']))
        for info in infos
    ]
    out.mkdir(parents=True, exist_ok=True)
    found = dict(classes=list(dataset.metainfo['classes']))
    parts = hold_out(samples, fraction, seed)
    for name, part in zip(('train', 'val'), parts, strict=True):
        path = out / f'{name}.txt'
        text = ''.join(f'{image} {label}\n' for image, label in part)
        if path.exists() and path.read_text() != text:
            raise ValueError(
                f'{path} lists other images than val_fraction={fraction}, split_seed='
                f'{seed} choose from {folder} now; choose another work_dir, or remove '
                f'{out.parent}.'
            )
        path.write_text(text)
        found[name] = str(path.resolve())
    return found
