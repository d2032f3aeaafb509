"""Small studies, run from start to end."""

import csv
import fcntl
import json
import re
from statistics import fmean, stdev

import pytest

from tests.conftest import ROOT
from tests.tools.conftest import CONFIG
from tests.tools.test_train import KILLER

pytestmark = pytest.mark.slow

STUDY = """
variants = {{
    'sum': dict(config='job.py', options={{'model.readout': 'sum'}}),
    'fused': dict(config='job.py'),
}}
control = 'fused'
seeds = (0, 1)
data = dict(root='{images}', test='val', val_fraction=0.25)
options = dict(train_cfg=dict(max_epochs=2))
work_dir = '{out}'
"""


@pytest.fixture
def out(tmp_path):
    return tmp_path / 'out'


@pytest.fixture
def study(tmp_path, image_folder, out, python):
    """Run tools/study.py on 2 variants with 2 seeds."""
    (tmp_path / 'job.py').write_text(CONFIG.format(data=image_folder))
    path = tmp_path / 'small.py'
    path.write_text(STUDY.format(images=image_folder, out=out))
    script = ROOT / 'tools' / 'study.py'

    def _study(*arguments, **kwargs):
        return python(script, path, '--jobs', 2, *arguments, **kwargs)

    return _study


def best_validation(work_dir):
    (log,) = work_dir.glob('*/vis_data/scalars.json')
    records = [json.loads(line) for line in log.read_text().splitlines()]
    return {r['step']: r['accuracy/top1'] for r in records if 'accuracy/top1' in r}


def test_table_holds_what_the_runs_logged(study, out):
    printed = study().stdout
    tests = {}
    for name in ('sum', 'fused'):
        folders = [out / name / f'seed{seed}' for seed in (0, 1)]
        tests[name] = [
            json.loads((f / 'test.json').read_text())['accuracy/top1'] for f in folders
        ]
        for folder, row in zip(folders, runs(out, name), strict=True):
            curve = best_validation(folder)
            assert set(curve) == {1, 2}
            assert float(row['best_validation']) == max(curve.values())
    first, second = csv.DictReader((out / 'table.csv').read_text().splitlines())
    assert (first['variant'], second['variant']) == ('sum', 'fused')
    assert float(first['mean']) == pytest.approx(fmean(tests['sum']))
    assert float(second['deviation']) == pytest.approx(stdev(tests['fused']))
    difference = fmean(tests['sum']) - fmean(tests['fused'])
    assert float(first['difference']) == pytest.approx(difference)
    assert (out / 'table.md').read_text().strip() in printed
    assert (out / 'curves.png').read_bytes().startswith(b'\x89PNG')

    tested = (out / 'sum' / 'seed0' / 'test.log').read_text()
    best = re.search(r'Load checkpoint from (\S+)', tested).group(1)
    curve = best_validation(out / 'sum' / 'seed0')
    assert best.endswith(f'best_accuracy_top1_epoch_{max(curve, key=curve.get)}.pth')


def runs(out, variant):
    rows = csv.DictReader((out / 'runs.csv').read_text().splitlines())
    return [row for row in rows if row['variant'] == variant]


def test_killed_run_is_reported_and_resumed_later_and_the_rest_goes_on(
    study, out, tmp_path
):
    (tmp_path / 'killer.py').write_text(KILLER)
    hooked = (
        "{'model.readout':'sum','custom_hooks':[dict(type='Killer')],"
        "'custom_imports.imports':['mmadf','killer']}"
    )
    path = tmp_path / 'small.py'
    path.write_text(path.read_text().replace("{'model.readout': 'sum'}", hooked))
    env = dict(PYTHONPATH=f'{ROOT}:{tmp_path}')
    one_seed = ('--cfg-options', 'seeds=(0,)')
    done = study(*one_seed, check=False, KILL_AT='4', **env)
    assert done.returncode == 1
    assert 'sum/seed0: train.py ended with -9' in done.stderr
    assert not (out / 'sum' / 'seed0' / 'test.json').exists()
    assert 'fused/seed0: finished' in done.stdout
    assert (len(runs(out, 'sum')), len(runs(out, 'fused'))) == (0, 1)
    kept = out / 'fused' / 'seed0' / 'test.json'
    before = kept.stat().st_mtime_ns

    study(*one_seed, **env)
    log = (out / 'sum' / 'seed0' / 'train.log').read_text()
    assert 'resumed epoch: 1, iter: 3' in log
    assert kept.stat().st_mtime_ns == before
    assert len(runs(out, 'sum')) == len(runs(out, 'fused')) == 1


def test_run_of_another_process_is_left_to_it(study, out):
    folder = out / 'sum' / 'seed0'
    folder.mkdir(parents=True)
    with open(folder / 'lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = study('--cfg-options', 'seeds=(0,)', check=False)
    assert 'sum/seed0: another process works on it' in done.stderr
    assert not (folder / 'train.log').exists()


def test_report_alone_trains_nothing(study, out):
    done = study('--report-only')
    assert 'no finished runs' in done.stdout
    assert not list(out.glob('*/*/train.log'))
