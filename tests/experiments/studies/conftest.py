"""A small study, and stand-ins for the scripts that train and test its runs."""

import json
import shutil
from functools import partial

import pytest

from mmadf.experiments.studies.load import load_study
from mmadf.experiments.studies.plan import write_runs
from tests.conftest import ROOT, write_images
from tests.scripts import call_script
from tests.tools.conftest import CONFIG

STUDY = """
variants = {{
    'sum': dict(config='job.py', options={{'model.readout': 'sum'}}),
    'fused': dict(config='job.py'),
}}
control = 'fused'
seeds = (0,)
data = dict(root='{images}', test='val', val_fraction=0.25)
options = dict(train_cfg=dict(max_epochs=2))
work_dir = '{out}'
"""

SCRIPT = """
import json, os, signal, sys
from pathlib import Path

import numpy as np

name, arguments = Path(sys.argv[0]).stem, sys.argv[1:]
config = Path(arguments[0])
with open(os.environ['CALLS'], 'a') as file:
    gpu = os.environ.get('CUDA_VISIBLE_DEVICES')
    print(json.dumps([name, config.stem, arguments, gpu]), file=file)
if os.environ.get('KILLED') == config.stem:
    os.kill(os.getpid(), signal.SIGKILL)
if name == 'train':
    work_dir = Path(arguments[arguments.index('--work-dir') + 1])
    log = work_dir / '20260101_000000' / 'vis_data' / 'scalars.json'
    log.parent.mkdir(parents=True)
    records = [
        {'loss': 1.0, 'time': 0.5, 'step': 4, 'epoch': 1},
        {'accuracy/top1': 60.0, 'step': 1},
        {'loss': 1.0, 'time': 0.5, 'step': 8, 'epoch': 2},
        {'accuracy/top1': 55.0, 'step': 2},
    ]
    log.write_text(''.join(json.dumps(r) + chr(10) for r in records))
    (work_dir / 'best_accuracy_top1_epoch_1.pth').touch()
else:
    work_dir = Path(arguments[arguments.index('--work-dir') + 1])
    work_dir.mkdir()
    top1 = 50.0 + 25 * config.stem.startswith('sum')
    labels = [0, 0, 0, 0, 1, 1, 1, 1]
    classes = [0, 0, 0, 0, 1, 1, 0, 0] if top1 == 75 else [0] * 8
    np.savez(work_dir / 'predictions.npz', label=labels, **{'fused/class': classes})
    result = dict(
        readout='fused',
        metrics={'accuracy/top1': top1, 'appearance/accuracy/top1': top1 - 10},
        costs={
            f'{phase}_{quantity}': 1000
            for phase in ('trained', 'deployed')
            for quantity in ('parameters', 'multiply_adds')
        },
        date='2026-01-01',
        environment=dict(device='cpu'),
    )
    (work_dir / 'result.json').write_text(json.dumps(result))
"""


@pytest.fixture
def out(tmp_path):
    return tmp_path / 'out'


def write_study(folder):
    """Write a study of 2 variants and one seed."""
    (folder / 'job.py').write_text(CONFIG.format(data=folder / 'images'))
    path = folder / 'small.py'
    path.write_text(STUDY.format(images=folder / 'images', out=folder / 'out'))
    return path


@pytest.fixture
def study_file(tmp_path, image_folder):
    return write_study(tmp_path)


@pytest.fixture(scope='session')
def written_runs(tmp_path_factory):
    """Write the runs of the small study, for `runs` to copy."""
    folder = tmp_path_factory.mktemp('study')
    for name in ('train', 'val'):
        write_images(folder / 'images' / name, per_class=8)
    return folder / 'out', write_runs(load_study(write_study(folder)))


@pytest.fixture
def runs(written_runs, out):
    """Return the runs of the small study, whose configs are written."""
    written, runs = written_runs
    shutil.copytree(written, out)
    return [
        run._replace(
            **{
                name: out / getattr(run, name).relative_to(written)
                for name in ('work_dir', 'config', 'record')
            }
        )
        for run in runs
    ]


@pytest.fixture
def calls(tmp_path, monkeypatch):
    """Return how the stand-ins were called: run, arguments, GPU."""
    path = tmp_path / 'calls.jsonl'
    monkeypatch.setenv('CALLS', str(path))

    def _calls(name='train'):
        lines = path.read_text().splitlines() if path.exists() else []
        return [call[1:] for call in map(json.loads, lines) if call[0] == name]

    return _calls


@pytest.fixture
def scripts(tmp_path, calls):
    """Return a folder with study.py and stand-ins for train.py and test.py."""
    folder = tmp_path / 'tools'
    folder.mkdir()
    for name in ('train', 'test'):
        (folder / f'{name}.py').write_text(SCRIPT)
    (folder / 'study.py').write_text((ROOT / 'tools' / 'study.py').read_text())
    return folder


@pytest.fixture
def start(study_file, monkeypatch, capsys):
    """Run tools/study.py in this process; return exit code, output and errors."""

    def _start(*arguments, path='tools/study.py', study=study_file):
        return call_script(monkeypatch, capsys, path, study, *arguments)

    return _start


@pytest.fixture
def study(start, scripts):
    """Run tools/study.py with the stand-ins."""
    return partial(start, path=scripts / 'study.py')
