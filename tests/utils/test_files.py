import os
import signal
import subprocess
import sys
import time
from threading import Thread

import pytest

from mmadf.utils import files
from mmadf.utils.files import atomic_folder, atomic_write, locked_folder


def test_a_file_is_whole_or_the_former_one(tmp_path, monkeypatch):
    path = tmp_path / 'new' / 'a.bin'
    atomic_write(path, b'good')
    monkeypatch.setattr(os, 'replace', lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        atomic_write(path, b'next')
    assert path.read_bytes() == b'good'


def test_a_folder_in_place_of_the_file_is_refused(tmp_path):
    (tmp_path / 'out').mkdir()
    with pytest.raises(IsADirectoryError, match='out is a folder'):
        atomic_write(tmp_path / 'out', b'good')
    assert os.listdir(tmp_path) == ['out']


@pytest.mark.slow
def test_killed_writer_leaves_a_whole_file(tmp_path):
    """SIGKILL at several moments of writing 20 MB again and again."""
    path = tmp_path / 'a.pth'
    # The file alone: importing the package takes much longer than the test.
    code = f"""
import runpy
atomic_write = runpy.run_path({files.__file__!r})['atomic_write']
for k in range(256):
    atomic_write({str(path)!r}, bytes([k]) * 20_000_000)
    print(k, flush=True)
"""
    for moment in range(5):
        writer = subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.PIPE)
        writer.stdout.readline()
        time.sleep(0.011 * moment)
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        data = path.read_bytes()
        assert len(data) == 20_000_000
        assert len(set(data)) == 1


@pytest.mark.parametrize('sync', [True, False])
def test_the_disk_is_waited_for_on_request(tmp_path, monkeypatch, sync):
    waited = []
    monkeypatch.setattr(os, 'fsync', waited.append)
    atomic_write(tmp_path / 'a.bin', b'good', sync)
    assert len(waited) == sync
    assert os.listdir(tmp_path) == ['a.bin']


# Folders


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


def test_an_existing_folder_is_not_replaced(tmp_path):
    root = tmp_path / 'out'
    root.mkdir()
    refused = pytest.raises(FileExistsError, match='out exists; remove it')
    with refused, atomic_folder(root):
        pass
    assert os.listdir(tmp_path) == ['out']


def test_of_two_writers_the_second_waits_and_finds_the_folder(tmp_path):
    root, errors = tmp_path / 'out', []

    def _second():
        try:
            with atomic_folder(root) as folder:
                (folder / 'second').touch()
        except FileExistsError as error:
            errors.append(error)

    with atomic_folder(root) as folder:
        second = Thread(target=_second)
        second.start()
        second.join(0.1)
        assert second.is_alive()
        (folder / 'first').touch()
    second.join()
    assert len(errors) == 1
    assert os.listdir(root) == ['first']
    assert os.listdir(tmp_path) == ['out']


def test_a_locked_folder_is_refused_to_others_until_it_is_left(tmp_path):
    with locked_folder(tmp_path / 'a', wait=False):
        refused = pytest.raises(BlockingIOError, match='a is being written by another')
        with refused, locked_folder(tmp_path / 'a', wait=False):
            pass
        os.rename(tmp_path / 'a', tmp_path / 'b')
        with locked_folder(tmp_path / 'a', wait=False):
            pass
    with locked_folder(tmp_path / 'b', wait=False):
        pass


def test_a_link_is_not_locked(tmp_path):
    (tmp_path / 'home').mkdir()
    (tmp_path / 'a').symlink_to(tmp_path / 'home')
    with pytest.raises(OSError), locked_folder(tmp_path / 'a', wait=False):
        pass
