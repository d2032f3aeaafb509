"""Archives that are damaged, unsafe or no archives."""

import io
import os
import tarfile
import zipfile

import pytest

from mmadf.data_prep.sources import MAX_BYTES, Member, Source, open_source
from tests.data_prep.archives import images, intel_files, write_archive


@pytest.mark.parametrize('name', ['a/../../x.jpg', '/x.jpg'])
def test_name_outside_the_archive_is_refused(name, tmp_path):
    with pytest.raises(ValueError, match=f"'{name}' points outside"):
        Source(tmp_path, [(name, Member(bytes, 0, 0))])


@pytest.mark.filterwarnings('ignore:Duplicate name')
@pytest.mark.parametrize(
    ('suffix', 'names'), [('.zip', ['a.jpg', 'a.jpg']), ('.tar', ['a.jpg', './a.jpg'])]
)
def test_two_files_of_one_name_are_refused(suffix, names, tmp_path):
    path = write_archive(tmp_path / f'a{suffix}', {names[0]: b'1'})
    if suffix == '.zip':
        with zipfile.ZipFile(path, 'a') as archive:
            archive.writestr(names[1], b'2')
    else:
        with tarfile.open(path, 'a') as archive:
            archive.addfile(tarfile.TarInfo(names[1]))
    with pytest.raises(ValueError, match="holds two files named 'a.jpg'"):
        open_source(path)


# Files that would fill the memory


def test_file_compressed_more_than_a_hundredfold_is_not_read(tmp_path):
    path = tmp_path / 'a.zip'
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('bomb.jpg', bytes(1_100_000))
        archive.writestr('small.jpg', bytes(1_000_000))
    source = open_source(path)
    assert source.read('small.jpg') == bytes(1_000_000)
    with pytest.raises(ValueError, match=r'bomb.jpg has 1,100,000 bytes, 1,\d\d\d of'):
        source.read('bomb.jpg')


@pytest.mark.parametrize(('size', 'fits'), [(MAX_BYTES, True), (MAX_BYTES + 1, False)])
def test_largest_file_has_256_mib(size, fits, tmp_path):
    source = Source(tmp_path, [('a.jpg', Member(lambda: b'read', size, size))])
    if fits:
        assert source.read('a.jpg') == b'read'
    else:
        with pytest.raises(ValueError, match='a.jpg has 268,435,457 bytes'):
            source.read('a.jpg')


def test_tar_that_decompresses_to_more_than_a_hundredfold_is_refused(tmp_path):
    header = tarfile.TarInfo('bomb.jpg')
    header.size = MAX_BYTES + 1
    path = tmp_path / 'a.tar.gz'
    with tarfile.open(path, 'w:gz') as archive:
        archive.addfile(tarfile.TarInfo('a.jpg'))
        archive.fileobj.write(header.tobuf())
        archive.fileobj.write(bytes(tarfile.BLOCKSIZE))
    with pytest.raises(ValueError, match='holds more than 268,435,457 bytes'):
        open_source(path)


# Links


@pytest.fixture
def secret(tmp_path):
    """Return a folder outside the archive."""
    return write_archive(tmp_path / 'home', {'secret.jpg': b'secret'})


def test_links_of_a_folder_are_ignored(secret, tmp_path):
    folder = write_archive(tmp_path / 'source', {'a/real.jpg': b'1'})
    (folder / 'a/file.jpg').symlink_to(secret / 'secret.jpg')
    (folder / 'b').symlink_to(secret)
    os.mkfifo(folder / 'pipe.jpg')
    assert open_source(folder).names == ['a/real.jpg']


def test_links_of_a_tar_are_ignored(secret, tmp_path):
    path = write_archive(tmp_path / 'a.tar', {'real.jpg': b'1'})
    with tarfile.open(path, 'a') as archive:
        for index, kind in enumerate((tarfile.SYMTYPE, tarfile.LNKTYPE)):
            link = tarfile.TarInfo(f'{index}.jpg')
            link.type, link.linkname = kind, str(secret / 'secret.jpg')
            archive.addfile(link, io.BytesIO())
    assert open_source(path).names == ['real.jpg']


def test_links_of_a_zip_are_ignored(tmp_path):
    path = write_archive(tmp_path / 'a.zip', {'real.jpg': b'1'})
    link = zipfile.ZipInfo('link.jpg')
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, 'a') as archive:
        archive.writestr(link, '/etc/passwd')
    assert open_source(path).names == ['real.jpg']


# Damaged archives


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
