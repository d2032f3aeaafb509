"""One study at a time, and the trainings of a study that was killed."""

import errno
import fcntl
import subprocess
import sys

from mmadf.experiments.studies.lock import locked_study

HOLD = """
import fcntl, sys
lock = open(sys.argv[1], 'w')
fcntl.lockf(lock, fcntl.LOCK_EX)
print('host other, process 7', file=lock, flush=True)
print(flush=True)
sys.stdin.read()
"""


def test_second_study_is_refused_before_it_writes(study, out):
    out.mkdir()
    command = [sys.executable, '-c', HOLD, str(out / '.study.lock')]
    pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with subprocess.Popen(command, **pipes) as holder:
        holder.stdout.readline()
        code, _, errors = study()
        holder.stdin.close()
    assert code == 2 and len(errors.splitlines()) == 1
    assert f"work_dir='{out}' is in use by another study (host other, proc" in errors
    assert not (out / 'configs').exists()


def test_next_study_waits_for_the_trainings_of_a_killed_one(tmp_path, capfd):
    with locked_study(tmp_path) as lock:
        command = ['sh', '-c', f'sleep 0.5; touch {tmp_path}/trained']
        training = subprocess.Popen(command, pass_fds=(lock,))
    with locked_study(tmp_path):
        assert (tmp_path / 'trained').exists()
    training.wait()
    assert (
        'waiting for the trainings of a study that was killed' in capfd.readouterr().out
    )


def test_study_ends_with_its_locks(tmp_path, capfd):
    for _ in range(2):
        with locked_study(tmp_path / 'new'):
            pass
    assert 'waiting' not in capfd.readouterr().out


def test_file_system_without_locks_is_used_with_a_warning(
    tmp_path, monkeypatch, capsys
):
    def no_locks(*_):
        raise OSError(errno.ENOLCK, 'No locks available')

    for name in ('lockf', 'flock'):
        monkeypatch.setattr(fcntl, name, no_locks)
    with locked_study(tmp_path):
        assert '.study.lock cannot be locked' in capsys.readouterr().out
