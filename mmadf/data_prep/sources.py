"""Zip files, tar files and extracted folders behind one interface."""

import stat
import tarfile
import zipfile
from functools import partial
from pathlib import Path
from typing import Callable, Iterator, List, NamedTuple, Tuple

MAX_BYTES = 256 * 2**20  # of a file; the largest image of ImageNet has 15 MB
MAX_RATIO = 100  # of sizes before and after compression; tables reach 20, images 2
SMALL_BYTES = 2**20  # files up to this size may have any ratio


class Member(NamedTuple):
    """A file of an archive: how to read it, its size and its compressed size."""

    read: Callable[[], bytes]
    size: int
    stored: int


class Source:
    """The files of an archive, by name.

    Args:
        path: path of the archive, for error messages.
        members: name, with '/' as separator, and content of each file; in the order in
            which reading is fast.

    Raises:
        ValueError: a name points outside the archive, or two files have the same name.
    """

    def __init__(self, path: Path, members: List[Tuple[str, Member]]) -> None:
        self.path = path
        self.members = {}
        for name, member in members:
            if name.startswith('/') or '..' in name.split('/'):
                raise ValueError(
                    f'{path}: the name {name!r} points outside the archive; download '
                    'it again from its publisher.'
                )
            if name in self.members:
                raise ValueError(
                    f'{path} holds two files named {name!r}; download it again, or '
                    'extract it and give the folder.'
                )
            self.members[name] = member

    @property
    def names(self) -> List[str]:
        """Names of all files."""
        return list(self.members)

    def check_size(self, name: str) -> None:
        """Refuse a file that would fill the memory.

        Args:
            name: one of `names`.

        Raises:
            ValueError: the file is larger than 256 MiB, or it has more than 1 MiB and
                was compressed more than a hundredfold.
        """
        _, size, stored = self.members[name]
        if size > MAX_BYTES or size > max(SMALL_BYTES, MAX_RATIO * stored):
            raise ValueError(
                f'{self.path}: {name} has {size:,} bytes, {stored:,} of them in the '
                f'archive; at most {MAX_BYTES:,} bytes and a ratio of {MAX_RATIO} are '
                'read. Download it again from its publisher.'
            )

    def read(self, name: str) -> bytes:
        """Return the content of a file.

        Args:
            name: one of `names`.

        Raises:
            OSError: the archive is damaged at this file.
            ValueError: the file is too large, see `check_size`.
        """
        self.check_size(name)
        try:
            return self.members[name].read()
        except Exception as error:  # zlib, lzma, zipfile and tarfile raise their own
            raise OSError(f'{type(error).__name__}: {error}') from error

    def summary(self) -> str:
        """Return a short description of the content."""
        images = sum(name.lower().endswith(('.jpg', '.jpeg')) for name in self.names)
        top = sorted({'/'.join(name.split('/')[:2]) for name in self.names})
        more = ', ...' if len(top) > 4 else ''
        shown = f'{", ".join(top[:4])}{more}'
        return f'{len(self.names)} files, {images} of them .jpg: {shown}'


def open_source(path: Path) -> Source:
    """Open an archive or a folder with its content.

    Links inside an archive or a folder are ignored.

    Args:
        path: zip file, tar file (compressed or not) or folder.

    Raises:
        FileNotFoundError: the path does not exist.
        ValueError: the file is not an archive, a damaged one, or one whose names or
            sizes are unsafe.
    """
    if not path.exists():
        raise FileNotFoundError(f'{path} does not exist; give an archive or a folder.')
    try:
        if path.is_dir():
            members = sorted(_folder_members(path), key=lambda item: item[0])
        elif zipfile.is_zipfile(path):
            members = list(_zip_members(zipfile.ZipFile(path)))
        elif tarfile.is_tarfile(path):
            # It stays open for reading.
            members = list(_tar_members(tarfile.open(path), path))  # noqa: SIM115
        else:
            raise ValueError(
                f'{path} ({path.stat().st_size:,} bytes) is neither a zip file nor a '
                'tar file; the download may have been interrupted, download it again.'
            )
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError) as error:
        raise ValueError(f'{path} is damaged ({error}); download it again.') from error
    return Source(path, members)


def _folder_members(folder: Path) -> Iterator[Tuple[str, Member]]:
    for file in folder.rglob('*'):
        info = file.lstat()
        if stat.S_ISREG(info.st_mode):
            name = file.relative_to(folder).as_posix()
            yield name, Member(file.read_bytes, info.st_size, info.st_size)


def _zip_members(archive: zipfile.ZipFile) -> Iterator[Tuple[str, Member]]:
    for info in archive.infolist():
        is_link = stat.S_ISLNK(info.external_attr >> 16)
        if not info.is_dir() and not is_link:
            read = partial(archive.read, info)
            yield info.filename, Member(read, info.file_size, info.compress_size)


def _tar_members(archive: tarfile.TarFile, path: Path) -> Iterator[Tuple[str, Member]]:
    """Yield the files; to find the next one, tarfile decompresses all before it."""
    total, stored = 0, path.stat().st_size
    for info in archive:
        total += info.size
        if total > max(MAX_BYTES, MAX_RATIO * stored):
            raise ValueError(
                f'{path} ({stored:,} bytes) holds more than {total:,} bytes; at most a '
                f'ratio of {MAX_RATIO} is read. Download it again from its publisher.'
            )
        if info.isfile():
            read = partial(_read_tar, archive, info)
            yield info.name.removeprefix('./'), Member(read, info.size, info.size)


def _read_tar(archive: tarfile.TarFile, file: tarfile.TarInfo) -> bytes:
    return archive.extractfile(file).read()
