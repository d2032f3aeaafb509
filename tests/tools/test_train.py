import json
import signal

import pytest
import torch
from mmengine.config import Config
from torch.testing import assert_close

from tests.conftest import ROOT

pytestmark = pytest.mark.slow

KILLER = """
import os
import signal
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

@HOOKS.register_module()
class Killer(Hook):
    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.iter == int(os.environ.get('KILL_AT', -1)):
            os.kill(os.getpid(), signal.SIGKILL)
"""


def weights(work_dir, name='epoch_3.pth'):
    return torch.load(work_dir / name, weights_only=True)['state_dict']


def test_train_test_and_report(job, train, python, tmp_path):
    """With EMA, Mixup and gradient accumulation, as in any host config."""
    job.write_text(
        job.read_text()
        + "model['train_cfg'] = dict(augments=dict(type='Mixup', alpha=0.2))\n"
        + "optim_wrapper['accumulative_counts'] = 2\n"
        + "custom_hooks = [dict(type='EMAHook')]\n"
    )
    work = tmp_path / 'work'
    log = train(job, work).stdout
    assert 'semantic_loss' in log
    assert 'appearance_loss' in log
    assert 'eta: ' in log
    (best,) = work.glob('best_accuracy_top1_epoch_*.pth')

    test = ROOT / 'tools' / 'test.py'
    out = tmp_path / 'metrics.json'
    base = (test, job, best, '--work-dir', work, '--out', out, '--out-item', 'metrics')
    python(*base)
    accuracy = json.loads(out.read_text())['accuracy/top1']

    report = python(ROOT / 'tools/analysis/report.py', job, work).stdout
    rows = [line.split('|') for line in report.splitlines() if line.startswith('| ')]
    names = [row[1].strip() for row in rows[2:]]
    assert names == ['fused', 'appearance head', 'sum of both']
    assert float(rows[2][2]) == pytest.approx(accuracy, abs=0.01)
    for name in ('curve.png', 'confusion_matrix.png', 'readouts.md'):
        assert (work / name).stat().st_size > 100


def test_killed_in_an_epoch_and_resumed_ends_like_an_undisturbed_run(
    job, train, tmp_path
):
    (tmp_path / 'killer.py').write_text(KILLER)
    job.write_text(
        job.read_text()
        + "custom_imports = dict(imports=['mmadf', 'killer'])\n"
        + "custom_hooks = [dict(type='Killer')]\n"
    )
    path = f'{ROOT}:{tmp_path}'
    train(job, tmp_path / 'whole', PYTHONPATH=path)
    killed = train(job, tmp_path / 'killed', check=False, PYTHONPATH=path, KILL_AT='6')
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / 'killed' / 'epoch_2.pth').exists()
    resumed = train(job, tmp_path / 'killed', '--resume', PYTHONPATH=path)
    assert 'resumed epoch: 1, iter: 4' in resumed.stdout
    assert_close(weights(tmp_path / 'killed'), weights(tmp_path / 'whole'))


def break_data_root(job, images):
    return '--cfg-options', 'train_dataloader.dataset.data_root=no/such'


def break_classes(job, images):
    return '--cfg-options', 'model.head.num_classes=7'


def break_index(job, images):
    return '--cfg-options', 'model.mapper.sources=(0,9)'


def break_image(job, images):
    (images / 'train' / 'dark' / '005.png').write_bytes(b'no image')
    return ()


def break_key(job, images):
    job.write_text(job.read_text() + 'optim_wraper = dict()\n')
    return ()


@pytest.mark.parametrize(
    ('breaking', 'message'),
    [
        (break_data_root, "train_dataloader.dataset: data_root='no/such' is no folder"),
        (break_classes, 'model.head.num_classes=7, but the train set has 2 classes'),
        (break_index, 'mapper sources=(0, 9) must name stages of the appearance'),
        (break_image, 'cannot be read:'),
        (break_key, "unknown config key 'optim_wraper'; did you mean 'optim_wrapper'"),
    ],
)
def test_bad_input_is_refused_before_the_first_step(
    breaking, message, job, image_folder, train, tmp_path
):
    options = breaking(job, image_folder)
    work = tmp_path / 'work'
    work.mkdir()
    (work / 'epoch_1.pth').write_bytes(b'of an earlier run')
    done = train(job, work, *options, check=False)
    assert done.returncode != 0
    assert message in done.stderr.splitlines()[-1]
    assert 'Epoch(train)' not in done.stdout
    assert (work / 'epoch_1.pth').read_bytes() == b'of an earlier run'


def test_job_reads_as_meant(job):
    cfg = Config.fromfile(job)
    assert cfg.model.type == 'ADFClassifier'
    assert cfg.model.mapper.norm_cfg.type == 'GN'
