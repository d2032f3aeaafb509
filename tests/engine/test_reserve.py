import errno
import fcntl
import os
import socket
import subprocess
import sys

import pytest

from mmadf.engine.reserve import Reservation

HOLD = """
import fcntl, sys, time
lock = open(sys.argv[1], 'a+')
fcntl.lockf(lock, fcntl.LOCK_EX)
lock.write('host other, process 7')
lock.flush()
print('locked', flush=True)
time.sleep(60)
"""


@pytest.fixture
def used(tmp_path):
    """Return a folder with an earlier run, and files of others."""
    for name in ('epoch_3.pth', 'best_acc_epoch_2.pth', 'last_checkpoint', 'notes.txt'):
        (tmp_path / name).write_text(name)
    for start in ('20250101_000000', '20250102_000000'):
        records = tmp_path / start / 'vis_data' / 'scalars.json'
        records.parent.mkdir(parents=True)
        records.write_text('{}\n' if start < '20250102' else '')
    return tmp_path


def test_used_folder_is_refused(used):
    with pytest.raises(ValueError, match=r'epoch_3\.pth.*--resume.*--overwrite'):
        Reservation(used)
    assert (used / 'epoch_3.pth').exists()


def test_log_of_a_run_without_a_checkpoint_is_refused(tmp_path):
    records = tmp_path / '20250101_000000' / 'vis_data' / 'scalars.json'
    records.parent.mkdir(parents=True)
    records.write_text('{}\n')
    with pytest.raises(ValueError, match='20250101_000000'):
        Reservation(tmp_path)


def test_folder_of_a_run_that_never_trained_is_free(tmp_path):
    (tmp_path / '20250101_000000' / 'vis_data').mkdir(parents=True)
    Reservation(tmp_path / 'new')
    Reservation(tmp_path)


def test_resumed_run_keeps_everything(used):
    before = sorted(os.listdir(used))
    Reservation(used, resume=True).remove_earlier_run()
    assert sorted(os.listdir(used)) == sorted([*before, 'train.lock'])


def test_earlier_run_is_removed_once_and_only_when_the_new_one_starts(used):
    reservation = Reservation(used, overwrite=True)
    assert (used / 'epoch_3.pth').exists()
    reservation.remove_earlier_run()
    assert sorted(os.listdir(used)) == ['20250102_000000', 'notes.txt', 'train.lock']
    (used / 'epoch_1.pth').write_text('new')
    reservation.remove_earlier_run()
    assert (used / 'epoch_1.pth').exists()


def test_run_that_is_resumed_is_never_overwritten(used):
    before = sorted(os.listdir(used))
    with pytest.raises(ValueError, match='resume=True; remove --overwrite to continue'):
        Reservation(used, resume=True, overwrite=True)
    assert sorted(os.listdir(used)) == before


def test_second_process_is_refused_until_the_first_is_killed(tmp_path):
    command = [sys.executable, '-c', HOLD, str(tmp_path / 'train.lock')]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        with pytest.raises(ValueError, match='host other, process 7'):
            Reservation(tmp_path)
        holder.kill()
    Reservation(tmp_path)


def test_lock_names_its_holder(tmp_path):
    Reservation(tmp_path)
    held = (tmp_path / 'train.lock').read_text()
    assert held == f'host {socket.gethostname()}, process {os.getpid()}\n'


def test_file_system_without_locks_is_used_with_a_warning(
    tmp_path, monkeypatch, capsys
):
    def no_locks(*_):
        raise OSError(errno.ENOLCK, 'No locks available')

    monkeypatch.setattr(fcntl, 'lockf', no_locks)
    Reservation(tmp_path)
    assert 'train.lock cannot be locked (No locks available)' in capsys.readouterr().out


def test_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(OSError, match='work_dir=.*file/work.*cannot be written: Not a'):
        Reservation(tmp_path / 'file' / 'work')
