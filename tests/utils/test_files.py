import os

import pytest

from mmadf.utils.files import atomic_folder, atomic_write


@pytest.mark.parametrize('sync', [True, False])
def test_a_file_is_whole_or_the_former_one(tmp_path, monkeypatch, sync):
    path = tmp_path / 'new' / 'a.bin'
    atomic_write(path, b'good', sync)
    monkeypatch.setattr(os, 'replace', lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        atomic_write(path, b'next', sync)
    assert path.read_bytes() == b'good'


@pytest.mark.parametrize('sync', [True, False])
def test_the_disk_is_waited_for_on_request(tmp_path, monkeypatch, sync):
    waited = []
    monkeypatch.setattr(os, 'fsync', waited.append)
    atomic_write(tmp_path / 'a.bin', b'good', sync)
    assert len(waited) == sync
    assert os.listdir(tmp_path) == ['a.bin']


def test_a_folder_appears_when_it_is_filled(tmp_path):
    root = tmp_path / 'deep' / 'out'
    with pytest.raises(ZeroDivisionError), atomic_folder(root) as folder:
        (folder / 'stale').touch()
        raise ZeroDivisionError
    assert not root.exists()
    with atomic_folder(root) as folder:
        (folder / 'fresh').touch()
        assert not root.exists()
    assert os.listdir(root) == ['fresh']
    assert os.listdir(root.parent) == ['out']
