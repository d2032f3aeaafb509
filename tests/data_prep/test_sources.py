"""Archives that are damaged, unsafe or no archives."""

import pytest

from mmadf.data_prep.sources import Source, open_source
from tests.data_prep.archives import images, intel_files, write_archive


def test_name_outside_the_archive_is_refused(tmp_path):
    for name in ('a/../../x.jpg', '/x.jpg'):
        with pytest.raises(ValueError, match=f"'{name}' points outside"):
            Source(tmp_path, {name: bytes})


def test_file_that_is_no_archive_is_refused(tmp_path):
    path = tmp_path / 'a.zip'
    for content in (b'<html>sign in</html>', b''):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=rf'\({len(content)} bytes\) is neither'):
            open_source(path)


def test_missing_archive_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match='b.tar does not exist'):
        open_source(tmp_path / 'b.tar')


@pytest.mark.parametrize('suffix', ['.zip', '.tar'])
def test_truncated_archive_is_refused(suffix, tmp_path):
    archive = write_archive(tmp_path / f'a{suffix}', intel_files(images()))
    archive.write_bytes(archive.read_bytes()[:-12000])
    with pytest.raises(ValueError, match='download it again'):
        open_source(archive)
