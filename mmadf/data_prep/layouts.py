"""What a published dataset consists of: its images, their splits and classes."""

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Callable, Dict, List, NamedTuple

from .sources import Source


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
            ValueError: the archive is another one or lacks a listed file, or two images
                have the same split, class and file name.
        """
        images = self.read(source)
        if not images:
            raise ValueError(
                f'{self.title}: {source.path} holds {source.summary()}; expected '
                f'{self.expected}, from {self.origin}.'
            )
        names = {}
        for image in images:
            first = names.setdefault(image.target, image.name)
            if first != image.name:
                raise ValueError(
                    f'{self.title}: {first} and {image.name} of {source.path} are both '
                    f'{image.target}; keep one of them.'
                )
        order = {name: index for index, name in enumerate(source.names)}
        return sorted(set(images), key=lambda image: order[image.name])

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
