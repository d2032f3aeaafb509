"""What a published dataset consists of: its images, their splits and classes."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Callable, Dict, List, NamedTuple

from .sources import Source

# The files that MMPretrain's CustomDataset reads by default.
SUFFIXES = ('.jpg', '.jpeg', '.png', '.ppm', '.bmp', '.pgm', '.tif')
UNSAFE = re.compile(r'[/\\\x00-\x1f\x7f]')  # separators and control characters


class Image(NamedTuple):
    """A file of an archive, its published split ('train', 'val', 'test') and class."""

    name: str
    split: str
    label: str

    @property
    def target(self) -> str:
        """Path of the image in an image folder, 'split/class/file'."""
        return f'{self.split}/{self.label}/{PurePosixPath(self.name).name}'


@dataclass(frozen=True)
class Layout:
    """A published dataset.

    Args:
        title: its name.
        origin: where users download it.
        expected: files that an archive must hold, for error messages.
        read: lists the images of an archive; empty for an archive of something else.
        counts: published number of images of each split.
        num_classes: published number of classes.
    """

    title: str
    origin: str
    expected: str
    read: Callable[[Source], List[Image]]
    counts: Dict[str, int]
    num_classes: int

    def images(self, source: Source) -> List[Image]:
        """Return the images of an archive in the order of its files.

        Args:
            source: the archive.

        Raises:
            ValueError: the archive is another one or lacks a listed file; a class or
                file name is unsafe; a file is too large or no image; or two images
                have the same target, or one image two.
        """
        images = self.read(source)
        if not images:
            raise ValueError(
                f'{self.title}: {source.path} holds {source.summary()}; expected '
                f'{self.expected}, from {self.origin}.'
            )
        names, targets = {}, {}
        for image in images:
            self._check_names(image, source)
            source.check_size(image.name)
            first = names.setdefault(image.target, image.name)
            if first != image.name:
                raise ValueError(
                    f'{self.title}: {first} and {image.name} of {source.path} are both '
                    f'{image.target}; keep one of them.'
                )
            target = targets.setdefault(image.name, image.target)
            if target != image.target:
                raise ValueError(
                    f'{self.title}: {source.path} lists {image.name} both as {target} '
                    f'and as {image.target}; keep one of them.'
                )
        order = {name: index for index, name in enumerate(source.names)}
        return sorted(set(images), key=lambda image: order[image.name])

    def _check_names(self, image: Image, source: Source) -> None:
        """Refuse names that lead to another folder, and files that are no images."""
        file = PurePosixPath(image.name).name
        for kind, name in (('class', image.label), ('file', file)):
            if name in ('', '.', '..') or UNSAFE.search(name):
                raise ValueError(
                    f'{self.title}: {source.path} gives {image.name!r} the '
                    f'{kind} name {name!r}; it must not be empty, . or .. '
                    'and must not contain separators or control characters. Download '
                    f'the archive again from {self.origin}.'
                )
        if PurePosixPath(file).suffix.lower() not in SUFFIXES:
            raise ValueError(
                f'{self.title}: {source.path} lists {image.name!r} as an image; its '
                f'name must end in one of {", ".join(SUFFIXES)}. Download the archive '
                f'again from {self.origin}.'
            )

    def check_counts(self, images: List[Image]) -> None:
        """Compare the numbers of images and classes with the published ones.

        Args:
            images: see `images`.

        Raises:
            ValueError: a number differs.
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
                'pass --any-counts if the difference is intended.'
            )
