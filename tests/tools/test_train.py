import json
import pickle
import runpy
import signal

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpretrain.registry import DATASETS
from torch.testing import assert_close

from mmadf.weights.load import load_network
from tests.conftest import ROOT

pytestmark = pytest.mark.slow

KILLER = """
import os
import signal
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

@HOOKS.register_module(force=True)
class Killer(Hook):
    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.iter == int(os.environ.get('KILL_AT', -1)):
            os.kill(os.getpid(), signal.SIGKILL)
"""


def checkpoint(work_dir, name='epoch_3.pth'):
    return torch.load(work_dir / name, weights_only=True)


@torch.no_grad()
def mean_over_flips(config, path):
    cfg = Config.fromfile(config)
    model, _ = load_network(cfg, path)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        dataset = DATASETS.build(cfg.test_dataloader.dataset)
    x = torch.stack([item['inputs'] for item in dataset])
    batches = (dict(inputs=images) for images in (x, x.flip(-1)))
    inputs = (model.data_preprocessor(batch)['inputs'] for batch in batches)
    return sum(model(images).softmax(1) for images in inputs) / 2


def test_train_test_and_report(job, tool, capsys, tmp_path):
    """With EMA, Mixup and gradient accumulation, as in any config of the host."""
    job.write_text(
        job.read_text()
        + "model['train_cfg'] = dict(augments=dict(type='Mixup', alpha=0.2))\n"
        + "optim_wrapper['accumulative_counts'] = 2\n"
        + "custom_hooks = [dict(type='EMAHook')]\n"
    )
    work = tmp_path / 'work'
    tool('train.py', job, '--work-dir', work)
    (log,) = work.glob('*/*.log')
    assert 'semantic_loss: ' in log.read_text()
    assert 'appearance_loss: ' in log.read_text()
    (best,) = work.glob('best_accuracy_top1_epoch_*.pth')

    out = tmp_path / 'metrics.json'
    tool(
        *('test.py', job, best, '--work-dir', work),
        *('--out', out, '--out-item', 'metrics'),
    )
    accuracy = json.loads(out.read_text())['accuracy/top1']

    out = tmp_path / 'flipped.pkl'
    tool('test.py', job, best, '--work-dir', work, '--out', out, '--tta')
    found = torch.stack([item['pred_score'] for item in pickle.loads(out.read_bytes())])
    assert_close(found, mean_over_flips(job, best), rtol=1e-4, atol=1e-5)

    capsys.readouterr()
    tool('analysis/report.py', job, work)
    report = capsys.readouterr().out
    rows = [line.split('|') for line in report.splitlines() if line.startswith('| ')]
    names = [row[1].strip() for row in rows[2:]]
    assert names == ['fused', 'appearance head', 'sum of both']
    assert float(rows[2][2]) == pytest.approx(accuracy, abs=0.01)
    page = (work / 'report.html').read_text()
    assert f'{accuracy:.2f}%</b><span>top-1 accuracy' in page
    assert 'hooks</dt><dd>[EMAHook]' in page
    assert str(tmp_path) not in page


def test_killed_in_an_epoch_and_resumed_ends_like_an_undisturbed_run(
    job, train, tool, tmp_path, monkeypatch
):
    (tmp_path / 'killer.py').write_text(KILLER)
    monkeypatch.syspath_prepend(tmp_path)
    job.write_text(
        job.read_text()
        + "custom_imports = dict(imports=['mmadf', 'killer'])\n"
        + "custom_hooks = [dict(type='Killer')]\n"
    )
    whole, killed = tmp_path / 'whole', tmp_path / 'killed'
    tool('train.py', job, '--work-dir', whole)
    done = train(job, killed, check=False, PYTHONPATH=f'{ROOT}:{tmp_path}', KILL_AT='6')
    assert done.returncode == -signal.SIGKILL
    assert not (killed / 'epoch_2.pth').exists()
    with pytest.raises(SystemExit, match='2'):  # it would mix with the killed run
        tool('train.py', job, '--work-dir', killed)
    tool('train.py', job, '--work-dir', killed, '--resume')
    logs = [path.read_text() for path in killed.glob('*/*.log')]
    assert sum('resumed epoch: 1, iter: 4' in log for log in logs) == 1
    assert_close(checkpoint(killed)['state_dict'], checkpoint(whole)['state_dict'])


@pytest.fixture
def find_checkpoint():
    """Return this function of train.py."""
    return runpy.run_path(str(ROOT / 'tools/train.py'))['find_checkpoint']


@pytest.mark.parametrize(
    'resume, load_from, expected, initial',
    [
        ('auto', 'pretrained.pth', 'epoch_1.pth', 'pretrained.pth'),
        ('other.pth', 'pretrained.pth', 'other.pth', 'pretrained.pth'),
        (None, None, 'epoch_1.pth', None),
        (None, 'given.pth', 'given.pth', None),
    ],
)
def test_run_is_resumed_from(
    resume, load_from, expected, initial, find_checkpoint, tmp_path
):
    torch.save({}, tmp_path / 'epoch_1.pth')
    cfg = Config(dict(work_dir=str(tmp_path), resume=True, load_from=load_from))
    assert find_checkpoint(cfg, resume) == initial
    assert cfg.resume
    assert cfg.load_from.endswith(expected)


def test_directory_cannot_be_resumed_as_a_file(find_checkpoint, tmp_path):
    torch.save({}, tmp_path / 'epoch_1.pth')
    cfg = Config(dict(work_dir='other', resume=True))
    expected = f'is a directory; .* with --work-dir {tmp_path} --resume'
    with pytest.raises(ValueError, match=expected):
        find_checkpoint(cfg, str(tmp_path))


def test_run_without_a_checkpoint_starts_anew_from_its_pretrained_weights(
    find_checkpoint, tmp_path, capsys
):
    cfg = Config(dict(work_dir=str(tmp_path), resume=True, load_from='pretrained.pth'))
    assert find_checkpoint(cfg, 'auto') == 'pretrained.pth'
    assert (cfg.resume, cfg.load_from) == (False, 'pretrained.pth')
    assert f'Nothing to resume in {tmp_path}' in capsys.readouterr().out


@pytest.fixture
def variant(job):
    """Return a function that applies a variant of the ImageNet config to `job`."""

    def _variant(name):
        leaf = ROOT / f'configs/adf/adf_resnext101_imagenet_{name}.py'
        path = job.with_name(f'{name}.py')
        text = leaf.read_text().replace('./adf_resnext101_imagenet.py', './job.py')
        path.write_text(text)
        return path

    return _variant


def test_fast_variant_trains_channels_last_in_bfloat16_with_ema(
    variant, tool, tmp_path
):
    options = ('--cfg-options', 'compile=False', 'train_cfg.max_epochs=1')
    tool('train.py', variant('fast'), '--work-dir', tmp_path / 'work', *options)
    saved = checkpoint(tmp_path / 'work', 'epoch_1.pth')
    assert saved['ema_state_dict']['steps'] == 4
    name = 'backbone.layer2.0.conv2.weight'
    for weight in (
        saved['state_dict'][name],
        saved['ema_state_dict'][f'module.{name}'],
    ):
        assert weight.dtype == torch.float32
        assert weight.is_contiguous(memory_format=torch.channels_last)
        assert not weight.is_contiguous()


def test_lowmem_variant_trains_to_the_same_weights_as_without_checkpointing(
    variant, tool, tmp_path
):
    config, states = variant('lowmem'), {}
    for name, options in dict(on=[], off=['activation_checkpointing=None']).items():
        options = ('--cfg-options', 'train_cfg.max_epochs=1', *options)
        tool('train.py', config, '--work-dir', tmp_path / name, *options)
        (log,) = (tmp_path / name).glob('*/*.log')
        assert ("['backbone.layer3', 'appearance" in log.read_text()) == (name == 'on')
        states[name] = checkpoint(tmp_path / name, 'epoch_1.pth')['state_dict']
    assert_close(states['on'], states['off'])
