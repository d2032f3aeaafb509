import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.logging import MessageHub, MMLogger
from mmengine.runner import save_checkpoint
from torch import nn

from mmadf.engine.hooks.safe_checkpoint import AtomicBackend, SafeCheckpointHook
from tests.conftest import ROOT


def test_put_writes_the_bytes_and_leaves_nothing_else(tmp_path):
    AtomicBackend().put(b'one', tmp_path / 'new' / 'a.pth')
    AtomicBackend().put(b'two', tmp_path / 'new' / 'a.pth')
    assert (tmp_path / 'new' / 'a.pth').read_bytes() == b'two'
    assert os.listdir(tmp_path / 'new') == ['a.pth']


def test_failed_write_keeps_the_former_file(tmp_path, monkeypatch):
    path = tmp_path / 'a.pth'
    AtomicBackend().put(b'good', path)

    def full_disk(fd):
        raise OSError('No space left on device')

    monkeypatch.setattr(os, 'fsync', full_disk)
    with pytest.raises(OSError, match='No space left'):
        AtomicBackend().put(b'torn', path)
    assert path.read_bytes() == b'good'


def test_target_is_touched_by_a_rename_alone(tmp_path, monkeypatch):
    path = tmp_path / 'a.pth'
    AtomicBackend().put(b'good', path)

    def stop(source, target):
        assert Path(source).read_bytes() == b'next'
        raise KeyboardInterrupt

    monkeypatch.setattr(os, 'replace', stop)
    with pytest.raises(KeyboardInterrupt):
        AtomicBackend().put(b'next', path)
    assert path.read_bytes() == b'good'


@pytest.mark.slow
def test_killed_writer_keeps_a_whole_file(tmp_path):
    """SIGKILL at several moments of writing 20 MB again and again."""
    path = tmp_path / 'a.pth'
    code = f"""
from mmadf.engine.hooks.safe_checkpoint import AtomicBackend
for k in range(256):
    AtomicBackend().put(bytes([k]) * 20_000_000, {str(path)!r})
    print(k, flush=True)
"""
    for moment in range(3):
        writer = subprocess.Popen(
            [sys.executable, '-c', code],
            stdout=subprocess.PIPE,
            env={**os.environ, 'PYTHONPATH': str(ROOT)},
        )
        writer.stdout.readline()
        time.sleep(0.011 * moment)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        data = path.read_bytes()
        assert len(data) == 20_000_000
        assert len(set(data)) == 1


class Runner:
    """What CheckpointHook asks of a Runner, with a one-weight model."""

    def __init__(self, work_dir, name):
        self.work_dir = str(work_dir)
        self.model = nn.Linear(1, 1)
        self.message_hub = MessageHub.get_instance(name)
        self.logger = MMLogger.get_instance(name)
        self.train_loop = SimpleNamespace(max_epochs=9)
        self.epoch = self.iter = 0
        self.fails = False

    def save_checkpoint(self, out_dir, filename, *args, backend_args, **kwargs):
        if self.fails:
            raise OSError('No space left on device')
        state = dict(epoch=self.epoch)
        save_checkpoint(state, f'{out_dir}/{filename}', backend_args=backend_args)

    def train_epoch(self, hook, accuracy):
        hook.after_train_epoch(self)
        self.epoch += 1
        hook.after_val_epoch(self, dict(accuracy=accuracy))


@pytest.fixture
def started(tmp_path, request):
    hook = SafeCheckpointHook(interval=1, max_keep_ckpts=1, save_best='accuracy')
    runner = Runner(tmp_path, request.node.name)
    hook.before_train(runner)
    return hook, runner


def files(runner):
    return sorted(f for f in os.listdir(runner.work_dir) if f.endswith('.pth'))


def test_only_the_newest_and_the_best_are_kept(started):
    hook, runner = started
    for accuracy in (0.5, 0.9, 0.7):
        runner.train_epoch(hook, accuracy)
    assert files(runner) == ['best_accuracy_epoch_2.pth', 'epoch_3.pth']
    assert torch.load(f'{runner.work_dir}/epoch_3.pth')['epoch'] == 2


def test_failed_save_leaves_the_former_ones(started):
    hook, runner = started
    runner.train_epoch(hook, 0.5)
    runner.fails = True
    with pytest.raises(OSError, match='No space'):
        hook.after_train_epoch(runner)
    runner.epoch += 1
    with pytest.raises(OSError, match='No space'):
        hook.after_val_epoch(runner, dict(accuracy=0.9))
    assert files(runner) == ['best_accuracy_epoch_1.pth', 'epoch_1.pth']


def test_repeated_best_of_the_same_epoch_is_not_deleted(started):
    hook, runner = started
    runner.train_epoch(hook, 0.5)
    runner.epoch = 0  # resumed before this epoch, which comes out better
    runner.train_epoch(hook, 0.6)
    assert files(runner) == ['best_accuracy_epoch_1.pth', 'epoch_1.pth']


def test_rests_of_a_killed_run_are_cleared(started):
    hook, runner = started
    rest = os.path.join(runner.work_dir, 'epoch_7.pth.partial')
    open(rest, 'w').close()
    hook.before_train(runner)
    assert not os.path.exists(rest)


def test_other_storage_is_refused():
    with pytest.raises(ValueError, match='writes to local folders'):
        SafeCheckpointHook(backend_args=dict(backend='petrel'))
