"""Checks of images that somebody uploads: one clear message for each bad one."""

from pathlib import Path
from typing import Optional

from mmadf.data_prep.checks import decode_problem
from mmadf.utils.images import oversize

MAX_BYTES = 2**25  # of a file, 32 MiB: photographs of phones have up to some 20 MiB
MAX_PIXELS = 2**26  # of an image, 67 million, 0.2 GB when decoded
MAX_FILES = 200  # of one table


class UploadError(ValueError):
    """An upload that is refused; the message is meant for the person who uploads."""


def check_upload(path: Path) -> None:
    """Refuse a file that is no image, or too large.

    The messages contain the name of the file, but not its folder.

    Args:
        path: uploaded file.

    Raises:
        UploadError: the file cannot be read as an image, or is too large.
    """
    if problem := _problem(path):
        raise UploadError(f'{path.name}: {problem}.')


def _problem(path: Path) -> Optional[str]:
    size = path.stat().st_size
    if not size:
        return 'the file is empty; choose another one'
    if size > MAX_BYTES:
        most = MAX_BYTES // 2**20
        return f'{size / 2**20:.0f} MiB is more than {most} MiB; choose a smaller file'
    content = path.read_bytes()
    if oversize(content, MAX_PIXELS):
        most = MAX_PIXELS // 10**6
        return f'the image has more than {most} million pixels; choose a smaller one'
    if decode_problem(content):
        return (
            'the file cannot be read as an image; choose a complete file in JPEG, PNG, '
            'WebP, TIFF or BMP format'
        )
    return None


def check_count(count: int) -> None:
    """Refuse an empty selection of files, and too many.

    Args:
        count: number of uploaded files.

    Raises:
        UploadError: no file, or more than `MAX_FILES`.
    """
    if not 0 < count <= MAX_FILES:
        raise UploadError(
            f'{count} files are selected; choose 1 to {MAX_FILES} images.'
        )
