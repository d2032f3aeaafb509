"""Zip file, tar file and extracted folder, read alike."""

import tarfile
import zipfile
from pathlib import Path
from typing import Callable, Dict, List


class Source:
    """Files by name, each read on its own.

    Args:
        path: where they come from, for messages.
        readers: name, parts joined by '/', -> function that returns the bytes; in the
            order in which reading is fast.

    Raises:
        ValueError: a name that leads out of the folder it is extracted to.
    """

    def __init__(self, path: Path, readers: Dict[str, Callable[[], bytes]]) -> None:
        for name in readers:
            if name.startswith('/') or '..' in name.split('/'):
                raise ValueError(
                    f'{path}: the name {name!r} leads out of the archive; download it '
                    'again from its publisher.'
                )
        self.path = path
        self.readers = readers

    @property
    def names(self) -> List[str]:
        """Names of all files."""
        return list(self.readers)

    def read(self, name: str) -> bytes:
        """Return the content of one file.

        Args:
            name: one of `names`.

        Raises:
            OSError: the archive is damaged at this file.
        """
        try:
            return self.readers[name]()
        except Exception as error:  # zlib, lzma, zipfile and tarfile have their own
            raise OSError(f'{type(error).__name__}: {error}') from error

    def summary(self) -> str:
        """Return in a few words what is there."""
        images = sum(name.lower().endswith(('.jpg', '.jpeg')) for name in self.names)
        top = sorted({'/'.join(name.split('/')[:2]) for name in self.names})
        more = ', ...' if len(top) > 4 else ''
        return (
            f'{len(self.names)} files, {images} of them .jpg: '
            f'{", ".join(top[:4])}{more}'
        )


def open_source(path: Path) -> Source:
    """Open an archive, or a folder with its content.

    Args:
        path: zip file, tar file (compressed or not) or folder.

    Raises:
        ValueError: neither of these, or a damaged archive.
    """
    if path.is_dir():
        files = sorted(f for f in path.rglob('*') if f.is_file())
        return Source(
            path, {f.relative_to(path).as_posix(): f.read_bytes for f in files}
        )
    if not path.exists():
        raise ValueError(f'{path} does not exist; give the archive or its folder.')
    try:
        if zipfile.is_zipfile(path):
            return _zip_source(path)
        if tarfile.is_tarfile(path):
            return _tar_source(path)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError) as error:
        raise ValueError(f'{path} is damaged ({error}); download it again.') from error
    raise ValueError(
        f'{path} ({path.stat().st_size:,} bytes) is neither a zip nor a tar file nor a '
        'folder; an interrupted download looks like this, download it again.'
    )


def _zip_source(path: Path) -> Source:
    archive = zipfile.ZipFile(path)
    files = [info for info in archive.infolist() if not info.is_dir()]
    return Source(path, {i.filename: (lambda i=i: archive.read(i)) for i in files})


def _tar_source(path: Path) -> Source:
    archive = tarfile.open(path)  # noqa: SIM115  read from until the program ends
    files = [member for member in archive.getmembers() if member.isfile()]
    return Source(
        path,
        {
            m.name.removeprefix('./'): (lambda m=m: archive.extractfile(m).read())
            for m in files
        },
    )
