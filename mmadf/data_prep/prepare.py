"""From an archive to `{train,val,test}/<class>/<image>`, checked, in one go or more."""

import hashlib
import json
import os
from collections import Counter, defaultdict
from pathlib import Path, PurePosixPath
from typing import Dict, List, Sequence, Tuple

from mmadf.utils.files import PARTIAL, atomic_write
from mmadf.utils.progress import import_tqdm

from .checks import decode_problem, same_images
from .layouts import Image, Layout
from .sources import Source, open_source

REPORT = 'report.json'
SPLITS = ('train', 'val', 'test')


def prepare(
    layout: Layout,
    archive: Path,
    root: Path,
    val_fraction: float = 0.1,
    seed: int = 0,
    any_counts: bool = False,
) -> dict:
    """Write a data set as MMPretrain's CustomDataset reads it, or find it written.

    Images are copied byte for byte into `<root>.partial`, which becomes `root` when
    all is there: killed and started again, it goes on where it was. What cannot be
    decoded is left out, since it would stop a training; duplicates and test images
    that are also training images stay, as published, and are reported.

    Args:
        layout: which data set.
        archive: zip or tar file, or the folder with its content.
        root: folder to create.
        val_fraction: part of each class of the training set that validates, in [0, 1).
        seed: which images those are.
        any_counts: accept other than the published numbers of images and classes.

    Returns:
        The report, also written to `root`/report.json: counts by split and class, and
        the lists `unreadable`, `duplicates` (within a split) and `leaks` (between
        splits). Two images are the same if their files are, byte for byte.

    Raises:
        ValueError: a fraction out of range, a wrong or incomplete archive, or a `root`
            that was made otherwise.
    """
    if not 0 <= val_fraction < 1:
        raise ValueError(f'val_fraction={val_fraction} must be in [0, 1).')
    choices = dict(title=layout.title, val_fraction=val_fraction, seed=seed)
    if root.exists():
        return _finished(root, choices)
    source = open_source(archive)
    images = layout.images(source)
    if not any_counts:
        layout.check_counts(images)
    partial = root.with_name(root.name + PARTIAL)
    targets = place(images, val_fraction, seed)
    digests, unreadable = _write_images(source, targets, partial)
    _remove_others(partial, digests)
    report = {
        **choices,
        'expected': layout.counts,
        'counts': _counts(digests),
        'unreadable': unreadable,
        **same_images(digests),
    }
    atomic_write(partial / REPORT, json.dumps(report, indent=2).encode())
    os.replace(partial, root)
    return report


def place(images: Sequence[Image], val_fraction: float, seed: int) -> Dict[str, str]:
    """Return name in the archive -> `split/class/file`, validation set taken out.

    In each class the images with the lowest hashes of seed and file name validate, so
    that neither the order nor other classes matter.

    Args:
        images: what the archive holds.
        val_fraction: part of each class, rounded to whole images.
        seed: goes into the hash.

    Raises:
        ValueError: a fraction of a data set that has a validation set.
    """
    by_class: Dict[str, List[Image]] = defaultdict(list)
    for image in images:
        if image.split == 'train':
            by_class[image.label].append(image)
    if val_fraction and any(image.split == 'val' for image in images):
        raise ValueError(
            f'val_fraction={val_fraction}, but the data set has a validation set of '
            'its own; pass 0.'
        )
    val = set()
    for members in by_class.values():
        members.sort(key=lambda i: _hash(f'{seed}/{i.label}/{_file(i)}'.encode()))
        val.update(members[: round(val_fraction * len(members))])
    return {
        i.name: f'{"val" if i in val else i.split}/{i.label}/{_file(i)}' for i in images
    }


def _finished(root: Path, choices: dict) -> dict:
    try:
        report = json.loads((root / REPORT).read_text())
    except (OSError, ValueError):
        report = {}
    made = {key: report.get(key) for key in choices}
    if made != choices:
        raise ValueError(
            f'{root} exists, made with {made}, not {choices}; remove it or choose '
            'another folder.'
        )
    found = Counter(p.parent.parent.name for p in root.glob('*/*/*'))
    written = Counter({s: sum(c.values()) for s, c in report['counts'].items()})
    if found != written:
        raise ValueError(
            f'{root} holds {dict(found)} images, its {REPORT} says {dict(written)}; '
            'remove that folder and run this again.'
        )
    return report


def _write_images(
    source: Source, targets: Dict[str, str], partial: Path
) -> Tuple[Dict[str, str], Dict[str, str]]:
    """Write what can be decoded; return target -> hash and target -> problem."""
    digests, unreadable = {}, {}
    for name, target in import_tqdm()(targets.items(), unit='image'):
        try:
            content = source.read(name)
        except OSError as error:
            unreadable[target] = str(error)
            continue
        path = partial / target
        # What lies there was decoded before it was written.
        if not (path.is_file() and path.read_bytes() == content):
            problem = decode_problem(content)
            if problem:
                unreadable[target] = problem
                continue
            atomic_write(path, content, sync=False)
        digests[target] = _hash(content)
    return digests, unreadable


def _remove_others(partial: Path, digests: Dict[str, str]) -> None:
    """Remove what an interrupted run, perhaps of another seed, has left."""
    wanted = {partial / target for target in digests}
    for path in sorted(partial.rglob('*'), reverse=True):  # files before their folder
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif path not in wanted:
            path.unlink()


def _counts(digests: Dict[str, str]) -> Dict[str, Dict[str, int]]:
    counts: Dict[str, Counter] = {split: Counter() for split in SPLITS}
    for target in sorted(digests):
        split, label, _ = target.split('/')
        counts[split][label] += 1
    return {split: dict(classes) for split, classes in counts.items() if classes}


def _file(image: Image) -> str:
    return PurePosixPath(image.name).name


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
