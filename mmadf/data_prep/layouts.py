"""Which file of an archive is which image of which set."""

import csv
import io
import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Callable, Dict, List, NamedTuple

from .sources import Source


class Image(NamedTuple):
    """One image of an archive.

    Attributes:
        name: file in the archive.
        split: 'train', 'val' or 'test', as published.
        label: name of its class.
    """

    name: str
    split: str
    label: str


@dataclass(frozen=True)
class Layout:
    """A published data set.

    Args:
        title: its name.
        origin: where users download it.
        wanted: what an archive of it must hold, in words.
        read: finds the images of an archive; none, if it is another archive.
        counts: published number of images by split.
        num_classes: published number of classes.
    """

    title: str
    origin: str
    wanted: str
    read: Callable[[Source], List[Image]]
    counts: Dict[str, int] = field(default_factory=dict)
    num_classes: int = 0

    def images(self, source: Source) -> List[Image]:
        """Return the images of an archive in the order of its files.

        Args:
            source: the archive.

        Raises:
            ValueError: it is another archive, a file that it lists is missing, or two
                files would get the same place.
        """
        images = self.read(source)
        if not images:
            raise ValueError(
                f'{self.title}: {source.path} holds {source.summary()}; expected '
                f'{self.wanted}, from {self.origin}.'
            )
        places = {}
        for image in images:
            place = (image.split, image.label, PurePosixPath(image.name).name)
            first = places.setdefault(place, image.name)
            if first != image.name:
                raise ValueError(
                    f'{self.title}: {first} and {image.name} of {source.path} are both '
                    f'{"/".join(place)}; keep one of them.'
                )
        order = {name: index for index, name in enumerate(source.names)}
        return sorted(set(images), key=lambda image: order[image.name])

    def check_counts(self, images: List[Image]) -> None:
        """Compare images and classes with the published numbers.

        Args:
            images: what `images` returned.

        Raises:
            ValueError: names what was found and what was expected.
        """
        found = {s: sum(i.split == s for i in images) for s in self.counts}
        classes = {s: len({i.label for i in images if i.split == s}) for s in found}
        if found != self.counts or set(classes.values()) != {self.num_classes}:
            text = ', '.join(
                f'{found[s]:,} {s} images in {classes[s]} classes (expected '
                f'{self.counts[s]:,} in {self.num_classes})'
                for s in self.counts
            )
            raise ValueError(
                f'{self.title}: found {text}; download it again from {self.origin}, or '
                'pass --any-counts if you changed it on purpose.'
            )


def _read_intel(source: Source) -> List[Image]:
    pattern = re.compile(r'(?:^|/)seg_(train|test)/([^/]+)/[^/]+\.jpe?g$', re.I)
    matches = {name: pattern.search(name) for name in source.names}
    return [Image(name, m[1].lower(), m[2]) for name, m in matches.items() if m]


def _read_mit67(source: Source) -> List[Image]:
    files = {
        '/'.join(name.split('/')[-2:]): name
        for name in source.names
        if 'Images' in name.split('/')[:-2]
    }
    images = []
    for split, file in dict(train='TrainImages.txt', test='TestImages.txt').items():
        lines = _beside(source, file).decode('utf-8', 'replace').split('\n')
        listed = [line.strip().replace('\\', '/') for line in lines if line.strip()]
        if files:
            _check_listed(source, file, listed, files)
            images += [Image(files[e], split, e.split('/')[0]) for e in listed]
    return images


def _read_subimagenet70(source: Source) -> List[Image]:
    images = []
    for split in ('train', 'test'):
        tables = [n for n in source.names if PurePosixPath(n).name == f'{split}.csv']
        if not tables:
            return []
        root = tables[0].rpartition('/')[0]
        text = source.read(tables[0]).decode('utf-8-sig')
        rows = list(csv.DictReader(io.StringIO(text)))
        if not rows or not {'filename', 'class'} <= set(rows[0]):
            return []
        names = [row['filename'].replace('\\', '/') for row in rows]
        names = [f'{root}/{name}' if root else name for name in names]
        _check_listed(source, tables[0], names, source.readers)
        images += [
            Image(name, split, row['class'])
            for name, row in zip(names, rows, strict=True)
        ]
    return images


def _beside(source: Source, file: str) -> bytes:
    """Read a list from the archive or, as MIT publishes it, from beside it."""
    inside = [n for n in source.names if PurePosixPath(n).name == file]
    beside = source.path.parent / file
    if inside:
        return source.read(inside[0])
    if beside.is_file():
        return beside.read_bytes()
    raise ValueError(
        f'{MIT67.title}: {file} is neither in {source.path} ({source.summary()}) nor '
        f'beside it; download it from {MIT67.origin}.'
    )


def _check_listed(source: Source, table: str, listed: List[str], files: dict) -> None:
    missing = [entry for entry in listed if entry not in files]
    if missing:
        raise ValueError(
            f'{table} lists {len(listed):,} images, of which {source.path} lacks '
            f'{len(missing):,} (first: {missing[0]}); download it again.'
        )


INTEL = Layout(
    title='Intel Image Classification',
    origin='https://www.kaggle.com/puneet6060/intel-image-classification',
    wanted='seg_train/seg_train/<class>/*.jpg and seg_test/seg_test/<class>/*.jpg',
    read=_read_intel,
    counts=dict(train=14034, test=3000),
    num_classes=6,
)
MIT67 = Layout(
    title='MIT Indoor 67',
    origin='https://web.mit.edu/torralba/www/indoor.html',
    wanted='Images/<class>/*.jpg, TrainImages.txt and TestImages.txt',
    read=_read_mit67,
    counts=dict(train=5360, test=1340),
    num_classes=67,
)
SUBIMAGENET70 = Layout(
    title='Sub-ImageNet-70',
    origin='https://www.kaggle.com/mohammadrahimzadeh/imagenet-70classes',
    wanted='train.csv and test.csv (columns filename, class) and the images in them',
    read=_read_subimagenet70,
    counts=dict(train=31500, test=3500),
    num_classes=70,
)
