import os
from types import SimpleNamespace

import pytest
import torch
from mmengine.dataset import DefaultSampler
from mmengine.logging import MessageHub, MMLogger
from mmengine.runner import (
    EpochBasedTrainLoop,
    IterBasedTrainLoop,
    save_checkpoint,
)
from torch import nn
from torch.utils.data import DataLoader

from mmadf.engine.hooks.safe_checkpoint import SafeBackend, SafeCheckpointHook
from mmadf.engine.loops import ResumableTrainLoop


def test_put_replaces_a_file_only_by_a_whole_one(tmp_path, monkeypatch):
    path = tmp_path / 'new' / 'a.pth'
    SafeBackend().put(b'good', path)

    def full_disk(fd):
        raise OSError('No space left on device')

    monkeypatch.setattr(os, 'fsync', full_disk)
    with pytest.raises(OSError, match='No space left'):
        SafeBackend().put(b'torn', path)
    assert path.read_bytes() == b'good'


class Runner:
    """The part of MMEngine's Runner that CheckpointHook uses, for one weight."""

    def __init__(self, work_dir, name):
        self.work_dir = str(work_dir)
        self.model = nn.Linear(1, 1)
        self.message_hub = MessageHub.get_instance(name)
        self.logger = MMLogger.get_instance(name)
        self.train_loop, self.max_epochs = SimpleNamespace(max_epochs=9), 9
        self.epoch = self.iter = 0
        self.hooks = []
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


def test_former_checkpoints_stay_until_their_successors_are_on_disk(started):
    hook, runner = started
    runner.train_epoch(hook, 0.5)
    former = ['best_accuracy_epoch_1.pth', 'epoch_1.pth']
    runner.fails = True
    with pytest.raises(OSError, match='No space'):
        hook.after_train_epoch(runner)
    runner.epoch += 1
    with pytest.raises(OSError, match='No space'):
        hook.after_val_epoch(runner, dict(accuracy=0.9))
    assert files(runner) == former


def test_former_best_stays_while_the_next_one_is_written(started, monkeypatch):
    hook, runner = started
    runner.train_epoch(hook, 0.5)
    seen = []
    write = runner.save_checkpoint
    monkeypatch.setattr(
        runner,
        'save_checkpoint',
        lambda *a, **k: (seen.append(files(runner)), write(*a, **k)),
    )
    runner.train_epoch(hook, 0.9)
    assert seen == [
        ['best_accuracy_epoch_1.pth', 'epoch_1.pth'],
        ['best_accuracy_epoch_1.pth', 'epoch_2.pth'],
        ['best_accuracy_epoch_1.pth', 'best_accuracy_epoch_2.pth', 'epoch_2.pth'],
    ]
    assert files(runner) == ['best_accuracy_epoch_2.pth', 'epoch_2.pth']


@pytest.mark.parametrize('interval', [1, -1])
def test_best_of_each_metric_is_kept_with_and_without_other_checkpoints(
    interval, tmp_path, request
):
    hook = SafeCheckpointHook(
        interval=interval, save_best=['accuracy', 'recall'], rule='greater'
    )
    runner = Runner(tmp_path, request.node.name)
    hook.before_train(runner)
    # The last epoch comes twice, as in a run that was resumed before it.
    for epoch, accuracy, recall in ((1, 5, 5), (2, 6, 4), (3, 4, 6), (3, 4, 7)):
        runner.epoch = epoch - 1
        hook.after_train_epoch(runner)
        runner.epoch = epoch
        hook.after_val_epoch(runner, dict(accuracy=accuracy, recall=recall))
    best = [name for name in files(runner) if name.startswith('best')]
    assert best == ['best_accuracy_epoch_2.pth', 'best_recall_epoch_3.pth']


def test_repeated_best_of_the_same_epoch_is_not_deleted(started):
    hook, runner = started
    runner.train_epoch(hook, 0.5)
    runner.epoch = 0  # resumed before this epoch, which comes out better
    runner.train_epoch(hook, 0.6)
    assert files(runner) == ['best_accuracy_epoch_1.pth', 'epoch_1.pth']


def test_partial_file_of_a_killed_run_is_replaced_by_the_whole_one(started):
    hook, runner = started
    with open(f'{runner.work_dir}/epoch_1.pth.partial', 'wb') as partial:
        partial.write(b'torn')
    hook.after_train_epoch(runner)
    assert os.listdir(runner.work_dir).count('epoch_1.pth.partial') == 0
    assert torch.load(f'{runner.work_dir}/epoch_1.pth')['epoch'] == 0


def test_other_storage_is_refused():
    assert SafeCheckpointHook(backend_args=None).backend_args == dict(backend='safe')
    with pytest.raises(ValueError, match='backend_args'):
        SafeCheckpointHook(backend_args=dict(backend='petrel'))


def test_other_folder_than_the_work_directory_is_refused(started):
    hook, runner = started
    assert hook.out_dir == runner.work_dir
    with pytest.raises(ValueError, match="out_dir='/other' is not .* set work_dir"):
        SafeCheckpointHook(out_dir='/other')


@pytest.mark.parametrize('loop', [EpochBasedTrainLoop, ResumableTrainLoop])
def test_checkpoints_by_iterations_are_refused_in_training_by_epochs(
    loop, tmp_path, request
):
    runner = Runner(tmp_path, request.node.name)
    runner.train_loop = object.__new__(loop)
    SafeCheckpointHook(by_epoch=True).before_train(runner)
    with pytest.raises(ValueError, match='by_epoch=False cannot be resumed exactly'):
        SafeCheckpointHook(by_epoch=False).before_train(runner)


def test_checkpoints_by_epochs_are_refused_in_training_by_iterations(tmp_path, request):
    runner = Runner(tmp_path, request.node.name)
    runner.train_loop = object.__new__(IterBasedTrainLoop)
    with pytest.raises(ValueError, match='by_epoch=True saves nothing before the end'):
        SafeCheckpointHook().before_train(runner)


def test_weights_that_are_not_finite_name_the_last_complete_checkpoint(started):
    hook, runner = started
    with torch.no_grad():
        runner.model.weight.fill_(float('nan'))
    bad = dict(state_dict=runner.model.state_dict())
    message = 'weight is not finite .* last checkpoint: {}. '
    with pytest.raises(FloatingPointError, match=message.format(None)):
        hook.before_save_checkpoint(runner, bad)
    runner.train_epoch(hook, 0.5)
    runner.fails = True
    with pytest.raises(OSError, match='No space'):
        runner.train_epoch(hook, 0.6)
    with pytest.raises(FloatingPointError, match=message.format('.*epoch_1.pth')):
        hook.before_save_checkpoint(runner, bad)


def test_checkpoints_by_iterations_are_written_in_training_by_iterations(
    tmp_path, request
):
    runner = Runner(tmp_path, request.node.name)
    runner.train_loop = object.__new__(IterBasedTrainLoop)
    hook = SafeCheckpointHook(interval=1, by_epoch=False)
    hook.before_train(runner)
    hook.after_train_iter(runner, 0)
    assert files(runner) == ['iter_1.pth']


@pytest.mark.parametrize('own, resumed', [(3, 8), (5, 5)])
def test_seed_of_the_checkpoint_replaces_that_of_the_run_alone(own, resumed):
    loader = DataLoader([0], sampler=DefaultSampler([0], seed=own))
    runner = SimpleNamespace(_resume=True, seed=3, train_dataloader=loader)
    SafeCheckpointHook().after_load_checkpoint(runner, dict(meta=dict(seed=8)))
    assert loader.sampler.seed == resumed
