"""Zip files, tar files and extracted folders behind one interface."""

import tarfile
import zipfile
from functools import partial
from pathlib import Path
from typing import Callable, Dict, List


class Source:
    """The files of an archive, by name.

    Args:
        path: path of the archive, for error messages.
        readers: function that returns the content of each file, by its name, with '/'
            as separator; in the order in which reading is fast.

    Raises:
        ValueError: a name points outside the archive.
    """

    def __init__(self, path: Path, readers: Dict[str, Callable[[], bytes]]) -> None:
        for name in readers:
            if name.startswith('/') or '..' in name.split('/'):
                raise ValueError(
                    f'{path}: the name {name!r} points outside the archive; download '
                    'it again from its publisher.'
                )
        self.path = path
        self.readers = readers

    @property
    def names(self) -> List[str]:
        """Names of all files."""
        return list(self.readers)

    def read(self, name: str) -> bytes:
        """Return the content of a file.

        Args:
            name: one of `names`.

        Raises:
            OSError: the archive is damaged at this file.
        """
        try:
            return self.readers[name]()
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

    Args:
        path: zip file, tar file (compressed or not) or folder.

    Raises:
        FileNotFoundError: the path does not exist.
        ValueError: the file is not an archive, or a damaged one.
    """
    if not path.exists():
        raise FileNotFoundError(f'{path} does not exist; give an archive or a folder.')
    try:
        if path.is_dir():
            files = sorted(file for file in path.rglob('*') if file.is_file())
            readers = {f.relative_to(path).as_posix(): f.read_bytes for f in files}
        elif zipfile.is_zipfile(path):
            archive = zipfile.ZipFile(path)
            names = [info.filename for info in archive.infolist() if not info.is_dir()]
            readers = {name: partial(archive.read, name) for name in names}
        elif tarfile.is_tarfile(path):
            archive = tarfile.open(path)  # noqa: SIM115  stays open for reading
            readers = {
                member.name.removeprefix('./'): partial(_read_tar, archive, member)
                for member in archive.getmembers()
                if member.isfile()
            }
        else:
            raise ValueError(
                f'{path} ({path.stat().st_size:,} bytes) is neither a zip file nor a '
                'tar file; the download may have been interrupted, download it again.'
            )
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError) as error:
        raise ValueError(f'{path} is damaged ({error}); download it again.') from error
    return Source(path, readers)


def _read_tar(archive: tarfile.TarFile, file: tarfile.TarInfo) -> bytes:
    return archive.extractfile(file).read()
