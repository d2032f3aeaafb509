import os
import signal
import subprocess
import sys
import time

import pytest

from mmadf.utils import files
from mmadf.utils.files import atomic_folder, atomic_write


def test_a_file_is_whole_or_the_former_one(tmp_path, monkeypatch):
    path = tmp_path / 'new' / 'a.bin'
    atomic_write(path, b'good')
    monkeypatch.setattr(os, 'replace', lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        atomic_write(path, b'next')
    assert path.read_bytes() == b'good'


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
