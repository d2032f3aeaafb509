"""Converts an archive to `{train,val,test}/<class>/<image>`, with checks."""

import hashlib
import json
import os
import shutil
from collections import Counter, defaultdict
from pathlib import Path
from typing import Callable, Dict, Iterable, List, Sequence, Tuple

from mmadf.utils.files import PARTIAL, atomic_write, locked_folder
from mmadf.utils.optional import import_optional

from .checks import decode_problem, find_duplicates
from .layouts import SUFFIXES, Image, Layout
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
    on_start: Callable[[], None] = lambda: None,
) -> dict:
    """Write a dataset as MMPretrain's CustomDataset reads it, unless it is written.

    Files are copied unchanged to `<root>.partial`, which is renamed when complete; an
    interrupted conversion resumes there, and a second one at the same time is refused.
    Images that cannot be decoded are left out, because they would stop the training.
    Duplicates, also between training and test images, are kept as published, and
    reported.

    Args:
        layout: dataset to convert.
        archive: zip or tar file, or a folder with its content.
        root: folder to create, or an empty one.
        val_fraction: fraction of each training class held out for validation, in
            [0, 1).
        seed: random seed of the validation set.
        any_counts: accept other numbers of images and classes than the published ones.
        on_start: called after all checks, before the first image is read.

    Returns:
        The report, which is also written to `root`/report.json: numbers of images by
        split and class, and the lists `unreadable`, `duplicates` (within a split) and
        `leaks` (across splits) of images whose files are identical.

    Raises:
        BlockingIOError: another process writes this folder.
        FileNotFoundError: the archive does not exist.
        ValueError: the fraction is out of range; the archive is wrong, incomplete or
            unsafe; `root` is not empty and differs, or is a mount point; or
            `<root>.partial` contains links.
    """
    if not 0 <= val_fraction < 1:
        raise ValueError(f'val_fraction={val_fraction} must be in [0, 1).')
    choices = dict(title=layout.title, val_fraction=val_fraction, seed=seed)
    root = root.absolute()
    if os.path.ismount(root):
        raise ValueError(
            f'root={str(root)!r} is a mount point, which a finished folder cannot '
            f'replace; give a folder inside of it, such as {str(root / "data")!r}.'
        )
    if _is_taken(root):
        return _read_finished(root, choices)
    source = open_source(archive)
    images = layout.images(source)
    if not any_counts:
        layout.check_counts(images)
    partial = root.with_name(root.name + PARTIAL)
    targets = target_paths(images, val_fraction, seed)
    tqdm = import_optional('tqdm').tqdm
    with locked_folder(partial, wait=False):
        if _is_taken(root):  # another process has finished since the check above
            shutil.rmtree(partial)
            return _read_finished(root, choices)
        _check_destination(partial, targets.values())
        on_start()
        progress = tqdm(targets.items(), unit='image')
        digests, unreadable = _write_images(source, progress, partial)
        _remove_stale(partial, digests)
        report = {
            **choices,
            'expected': layout.counts,
            'counts': _counts(digests),
            'unreadable': unreadable,
            **find_duplicates(digests),
        }
        atomic_write(partial / REPORT, json.dumps(report, indent=2).encode())
        os.replace(partial, root)
    return report


def target_paths(
    images: Sequence[Image], val_fraction: float, seed: int
) -> Dict[str, str]:
    """Return the path 'split/class/file' of each image, with a validation set held out.

    In each class, the images with the lowest hashes of seed and file name are held out,
    so that the choice depends neither on the order of images nor on other classes.

    Args:
        images: images of the archive.
        val_fraction: fraction of each class, rounded to whole images, and at least one
            of two or more.
        seed: random seed, part of the hash.

    Raises:
        ValueError: the dataset has a validation set, and `val_fraction` is not 0.
    """
    if val_fraction and any(image.split == 'val' for image in images):
        raise ValueError(
            f'val_fraction={val_fraction}: the dataset has a validation set of its '
            'own; pass 0.'
        )
    by_class: Dict[str, List[Image]] = defaultdict(list)
    for image in images:
        if image.split == 'train':
            by_class[image.label].append(image)
    targets = {image.name: image.target for image in images}
    for members in by_class.values():
        members.sort(
            key=lambda i: _hash(i.target.replace('train', str(seed), 1).encode())
        )
        count = round(val_fraction * len(members))
        if val_fraction and len(members) > 1:
            count = max(count, 1)
        for image in members[:count]:
            targets[image.name] = image._replace(split='val').target
    return targets


def _is_taken(root: Path) -> bool:
    """Return whether the path exists, other than as an empty folder."""
    is_folder = root.is_dir() and not root.is_symlink()
    return any(root.iterdir()) if is_folder else os.path.lexists(root)


def _read_finished(root: Path, choices: dict) -> dict:
    try:
        report = json.loads((root / REPORT).read_text())
    except (OSError, ValueError):
        report = {}
    made = {key: report.get(key) for key in choices}
    if made != choices:
        raise ValueError(
            f'{root} exists and was written with {made}, not {choices}; remove it, or '
            'choose another folder.'
        )
    # Others, such as the .DS_Store of macOS, are not read in training either.
    images = (p for p in root.glob('*/*/*') if p.suffix.lower() in SUFFIXES)
    found = Counter(path.parent.parent.name for path in images)
    written = Counter({s: sum(c.values()) for s, c in report['counts'].items()})
    if found != written:
        raise ValueError(
            f'{root} holds {dict(found)} images, but its {REPORT} lists '
            f'{dict(written)}; remove the folder and repeat the command.'
        )
    return report


def _check_destination(partial: Path, targets: Iterable[str]) -> None:
    """Refuse links in the folder, and targets that lead out of it."""
    for path in partial.rglob('*'):
        if path.is_symlink():
            raise ValueError(f'{path} is a link; remove {partial}.')
    inside = partial.resolve()
    for folder in {(partial / target).parent for target in targets}:
        if not folder.resolve().is_relative_to(inside):
            raise ValueError(f'{folder} is not in {partial}; nothing was written.')


def _write_images(
    source: Source, targets: Iterable[Tuple[str, str]], partial: Path
) -> Tuple[Dict[str, str], Dict[str, str]]:
    """Write images that decode; return hashes and problems by target path."""
    digests, unreadable = {}, {}
    for name, target in targets:
        try:
            content = source.read(name)
        except OSError as error:
            unreadable[target] = str(error)
            continue
        path = partial / target
        # An existing file was decoded before it was written.
        if not (path.is_file() and path.read_bytes() == content):
            if problem := decode_problem(content):
                unreadable[target] = problem
                continue
            atomic_write(path, content, sync=False)
        digests[target] = _hash(content)
    return digests, unreadable


def _remove_stale(partial: Path, digests: Dict[str, str]) -> None:
    """Remove files of an interrupted conversion, possibly with another seed.

    Raises:
        OSError: another program has removed images that were written.
    """
    wanted = {partial / target for target in digests}
    found = 0
    for path in sorted(partial.rglob('*'), reverse=True):  # files before folders
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif path in wanted:
            found += 1
        else:
            path.unlink()
    if found != len(wanted):
        raise OSError(
            f'{partial} holds {found:,} of {len(wanted):,} images; another program has '
            'changed it. Repeat the command.'
        )


def _counts(digests: Dict[str, str]) -> Dict[str, Dict[str, int]]:
    """Return the number of images by split and class."""
    counts: Dict[str, Counter] = {split: Counter() for split in SPLITS}
    for target in sorted(digests):
        split, label, _ = target.split('/')
        counts[split][label] += 1
    return {split: dict(classes) for split, classes in counts.items() if classes}


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
