"""tools/setup_env.sh, with a Python whose venv and pip are stubs."""

import os
import re
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conftest import ROOT

STUB = """#!/bin/bash
if [ "$1 $2" = "-m venv" ]; then
    mkdir -p "$3/bin"
    printf '#!/bin/bash\\necho "$@" >> %s\\n{pip}\\n' "$3/log" > "$3/bin/python"
    chmod +x "$3/bin/python"
else
    exec {python} "$@"
fi
"""


@pytest.fixture
def project(tmp_path):
    """Return a copy of the files that the script reads."""
    root = tmp_path / 'project'
    shutil.copytree(ROOT / 'requirements', root / 'requirements')
    (root / 'tools').mkdir()
    for name in ('setup_env.sh', 'common.sh'):
        shutil.copy(ROOT / 'tools' / name, root / 'tools')
    return root


@pytest.fixture
def setup(project, run, tmp_path):
    """Run the script with the stub; `pip` is its last command."""

    def _setup(checkout=project, pip='exit 0', **env):
        stub = tmp_path / 'python'
        text = STUB.format(python=sys.executable, pip=pip)
        if not stub.exists() or stub.read_text() != text:  # it may be running
            stub.write_text(text)
            stub.chmod(0o755)
        return run(
            *('bash', checkout / 'tools/setup_env.sh'),
            check=False,
            PYTHON=str(stub),
            MMADF_ENV='',
            MMADF_ENV_HOME=str(tmp_path / 'home'),
            **{'MMADF_TORCH': '', **env},
        )

    return _setup


def log(folder):
    return Path(folder, 'log').read_text()


def builds(folder):
    return log(folder).count('requirements/env.txt')


def installed(folder):
    return Path(folder, 'checkout').read_text().strip()


def test_checkout_is_installed_once_in_editable_mode(setup, project):
    folder = setup().stdout.strip()
    setup()
    (line,) = [line for line in log(folder).splitlines() if '--editable' in line]
    assert line.endswith(' --no-deps --no-build-isolation --editable .')
    assert installed(folder) == str(project)


def test_another_checkout_takes_over_the_environment(setup, project):
    folder = setup().stdout.strip()
    moved = project.rename(project.with_name('moved'))
    assert setup(moved).stdout.strip() == folder
    assert log(folder).count('--editable') == 2
    assert builds(folder) == 1
    assert installed(folder) == str(moved)


def test_second_call_reuses_and_a_changed_requirement_rebuilds(setup, project):
    first = setup().stdout.strip()
    assert setup().stdout.strip() == first
    assert builds(first) == 1
    change(project)
    second = setup().stdout.strip()
    assert second != first
    assert builds(second) == 1


def test_another_torch_gets_an_environment_of_its_own(setup, project):
    pinned = setup().stdout.strip()
    other = Path(setup(MMADF_TORCH='2.8.0').stdout.strip())
    assert str(other) != pinned
    lines = (other / 'requirements/env.txt').read_text().splitlines()
    own = (project / 'requirements/env.txt').read_text().splitlines()
    changed = set(lines) - set(own)
    assert changed == {'torch==2.8.0', 'torchvision'}
    assert f'-r {other}/requirements/env.txt' in (other / 'log').read_text()
    limits = (other / 'requirements/constraints.txt').read_text()
    assert 'numpy==' in limits
    assert not re.search('^(triton|nvidia|sympy)', limits, re.MULTILINE)


def test_the_lowest_torch_of_the_documentation_is_the_declared_one():
    declared = (ROOT / 'requirements/runtime.txt').read_text()
    lowest = re.search('^torch>=(.*)$', declared, re.MULTILINE)[1]
    assert f'MMADF_TORCH={lowest}.0 bash' in (ROOT / 'docs/install.md').read_text()


def change(project):
    lock = project / 'requirements/constraints.txt'
    lock.write_text(lock.read_text() + 'six==1.16.0\n')


@pytest.mark.slow
def test_two_calls_at_once_build_once_without_flock(setup, project, tmp_path):
    """On a system without flock(1), such as macOS."""
    programs = tmp_path / 'bin'
    programs.mkdir()
    for name in ('awk', 'bash', 'basename', 'cat', 'chmod', 'df', 'dirname', 'mkdir'):
        (programs / name).symlink_to(shutil.which(name))
    for name in ('rm', 'sleep', 'touch'):
        (programs / name).symlink_to(shutil.which(name))
    setup(pip='sleep 0.5')
    change(project)
    with ThreadPoolExecutor() as pool:
        wait = dict(pip='sleep 0.5', PATH=str(programs))
        calls = [pool.submit(setup, **wait) for _ in range(2)]
    first, second = (call.result() for call in calls)
    assert (first.returncode, second.returncode) == (0, 0)
    assert first.stdout == second.stdout
    built = [line for call in (first, second) for line in call.stderr.splitlines()]
    assert len(built) == builds(first.stdout.strip()) == 1


def test_failed_installation_is_reported_and_tried_again(setup):
    failed = setup(pip='exit 1')
    assert failed.returncode == 1
    assert failed.stdout == ''
    (line,) = [x for x in failed.stderr.splitlines() if 'requirements/env.txt' in x]
    again = setup()
    assert again.returncode == 0
    assert builds(again.stdout.strip()) == 1


def test_full_disk_is_reported_before_anything_is_installed(setup, tmp_path):
    df = tmp_path / 'bin' / 'df'
    df.parent.mkdir()
    df.write_text('#!/bin/sh\necho head; echo "/dev/x 9 9 1048576 9% /"\n')
    df.chmod(0o755)
    done = setup(PATH=f'{df.parent}:{os.environ["PATH"]}')
    assert done.returncode == 1
    assert ' 1 GB free' in done.stderr
    assert ' 8 GB ' in done.stderr
    assert not list((tmp_path / 'home').glob('env-*'))


def test_old_python_is_refused(run, tmp_path):
    old = tmp_path / 'python'
    old.write_text('#!/bin/sh\ntest "$1" = -V && echo "Python 3.8.0"; exit 1\n')
    old.chmod(0o755)
    script = ROOT / 'tools/setup_env.sh'
    done = run('bash', script, PYTHON=str(old), MMADF_ENV='', check=False)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert 'Python 3.8.0' in line and 'Python 3.11' in line


def test_own_environment_is_used_unchanged(run, tmp_path):
    script = ROOT / 'tools/setup_env.sh'
    missing = run('bash', script, MMADF_ENV=str(tmp_path), check=False)
    assert f'MMADF_ENV={tmp_path}' in missing.stderr
    own = os.path.dirname(os.path.dirname(sys.executable))
    assert run('bash', script, MMADF_ENV=own).stdout.strip() == own
