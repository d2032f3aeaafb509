"""tools/quickstart.sh, with a Python whose scripts are stubs."""

import sys

import pytest

from tests.conftest import ROOT

# Each script leaves the files that the next one needs.
STUB = """#!/bin/bash
case "$1" in
    -) exec {python} "$@" ;;
    *digits.py)
        mkdir -p data/digits/test/{{0,1}}
        touch data/digits/test/{{0,1}}/a.png ;;
    *train.py)
        for epoch in 1 2 3 4 5; do
            echo "mmengine - INFO - Epoch(val) [$epoch][2/2]  accuracy/top1: 97.2222"
        done
        {train}
        touch "$4/best_accuracy_top1_epoch_5.pth" ;;
    *report.py) echo 'Prints a long table' ;;
    *test.py) echo '{{"accuracy/top1": 98.8889}}' > "$7" ;;
esac
"""


@pytest.fixture
def quickstart(run, tmp_path):
    """Run the script in a copy of its folder; `train` is done by the training."""

    def _quickstart(train=':'):
        tools, binaries = tmp_path / 'tools', tmp_path / 'env/bin'
        tools.mkdir()
        binaries.mkdir(parents=True)
        for name in ('quickstart.sh', 'common.sh', 'setup_env.sh'):
            (tools / name).write_bytes((ROOT / 'tools' / name).read_bytes())
        stub = binaries / 'python'
        stub.write_text(STUB.format(python=sys.executable, train=train))
        stub.chmod(0o755)
        env = dict(MMADF_ENV=str(binaries.parent))
        return run('bash', tools / 'quickstart.sh', check=False, **env)

    return _quickstart


def test_quickstart_shows_little_and_ends_with_what_to_do_next(quickstart, tmp_path):
    done = quickstart()
    assert (done.returncode, done.stderr) == (0, '')
    lines = done.stdout.splitlines()
    assert len(lines) <= 28
    assert '    epoch 5: 97.2 % of the validation images are right' in lines
    (out,) = tmp_path.glob('work_dirs/quickstart/*')
    assert (out / 'examples/digits/1/a.png').exists()
    (found,) = [line for line in lines if line.startswith('Done in ')]
    assert found.endswith(f'In {out.relative_to(tmp_path)}:')
    assert 'mmadf --help' in done.stdout.partition('Next')[2]
    assert 'long table' in (out / 'quickstart.log').read_text()


def test_quickstart_states_the_uncertainty_of_its_accuracy(quickstart):
    """Wilson's interval of 356 of 360 is [0.97182, 0.99567]."""
    output = quickstart().stdout
    assert '356 of 360 test images correctly, 98.9%' in output
    assert 'between 97.2% and 99.6% (95 % interval)' in output


def test_failed_step_shows_its_last_lines_and_the_log(quickstart):
    done = quickstart(train='echo "train.py: error: disk full"; exit 1')
    assert done.returncode == 1
    shown = done.stderr.splitlines()
    assert shown[-2] == 'train.py: error: disk full'
    assert shown[-1].startswith(
        'quickstart.sh: training failed; the whole output is in'
    )
