"""Runs of MMEngine's Runner that are killed, and resumed with SafeCheckpointHook."""

import itertools
import os
import shutil
from types import SimpleNamespace

import pytest
import torch
from mmengine.evaluator import BaseMetric
from mmengine.hooks import EMAHook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn
from torch.testing import assert_close

from mmadf.engine.hooks.safe_checkpoint import SafeBackend, SafeCheckpointHook
from mmadf.engine.work_dir import best_checkpoint, latest_checkpoint

SCORES = {1: 10.0, 2: 80.0, 3: 50.0, 4: 40.0}


class Killed(BaseException):
    """Stands for SIGKILL: nothing handles it."""


class Net(BaseModel):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 1)

    def forward(self, x, mode='tensor'):
        y = self.layer(x)
        return dict(loss=y.square().mean()) if mode == 'loss' else [y.mean()]


class Score(BaseMetric):
    """The score of the epoch, as if measured."""

    def __init__(self, runner):
        super().__init__()
        self.runner = runner

    def process(self, data_batch, data_samples):
        self.results.append(0)

    def compute_metrics(self, results):
        return dict(accuracy=SCORES[self.runner().epoch])


@pytest.fixture
def start(tmp_path):
    """Return a function that trains 4 epochs, or resumes, and returns the Runner."""
    starts = itertools.count()

    def _start(resume=False, **validation):
        torch.manual_seed(0)
        data = [dict(x=torch.full((2,), float(i))) for i in range(4)]
        loader = dict(
            dataset=data,
            sampler=dict(type='DefaultSampler', shuffle=False),
            collate_fn=dict(type='default_collate'),
        )
        box = []
        runner = Runner(
            model=Net(),
            work_dir=str(tmp_path / 'work'),
            train_dataloader=dict(batch_size=2, **loader),
            val_dataloader=dict(batch_size=2, **loader),
            train_cfg=dict(by_epoch=True, max_epochs=4, **validation),
            val_cfg=dict(),
            val_evaluator=[Score(lambda: box[0])],
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
            default_hooks=dict(
                checkpoint=SafeCheckpointHook(
                    interval=1, max_keep_ckpts=1, save_best='auto'
                )
            ),
            load_from=latest_checkpoint(tmp_path / 'work') if resume else None,
            resume=resume,
            randomness=dict(seed=0),
            log_level='WARNING',
            experiment_name=f'{tmp_path}-{next(starts)}',  # no shared message hub
        )
        box.append(runner)
        runner.train()
        return runner

    return _start


def files(tmp_path):
    return sorted(f for f in os.listdir(tmp_path / 'work') if f.endswith('.pth'))


@pytest.fixture
def killed(start, monkeypatch):
    """Return a function that trains until a call, the `count`-th one that `is_it`."""

    def _killed(owner, name, is_it, count=1, **kwargs):
        original, left = getattr(owner, name), [count]

        def _killing(*args):
            left[0] -= is_it(*args)
            if left[0] == 0:
                raise Killed
            return original(*args)

        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(owner, name, _killing)
            start(**kwargs)

    return _killed


@pytest.mark.parametrize(
    'name, count',
    [
        ('best_accuracy_epoch_1.pth', 1),
        ('epoch_2.pth', 1),
        ('best_accuracy_epoch_2.pth', 1),
        ('epoch_2.pth', 2),
        ('epoch_4.pth', 1),
    ],
)
def test_best_of_a_run_killed_while_writing_is_the_highest(
    start, killed, tmp_path, name, count
):
    killed(
        SafeBackend, 'put', lambda _, content, path: path.endswith(f'/{name}'), count
    )
    runner = start(resume=True)
    assert files(tmp_path) == ['best_accuracy_epoch_2.pth', 'epoch_4.pth']
    assert runner.message_hub.get_info('best_score') == 80


@pytest.mark.parametrize(
    'call, is_it',
    [
        ('remove', lambda path: str(path).endswith('/epoch_2.pth')),
        ('replace', lambda _, path: str(path).endswith('/epoch_3.pth')),
    ],
)
def test_leftovers_of_a_killed_run_are_removed(start, killed, tmp_path, call, is_it):
    killed(os, call, is_it)
    assert len(os.listdir(tmp_path / 'work')) > 4
    start(resume=True)
    left = [name for name in os.listdir(tmp_path / 'work') if 'pth' in name]
    assert sorted(left) == ['best_accuracy_epoch_2.pth', 'epoch_4.pth']


@pytest.mark.parametrize('epoch', [1, 2, 4])
def test_validation_that_was_killed_is_made_up(start, killed, tmp_path, epoch):
    killed(Score, 'compute_metrics', lambda metric, _: metric.runner().epoch == epoch)
    runner = start(resume=True)
    history, _ = runner.message_hub.get_scalar('val/accuracy').data
    assert history.tolist() == list(SCORES.values())
    assert files(tmp_path) == ['best_accuracy_epoch_2.pth', 'epoch_4.pth']


def test_only_validation_that_was_killed_is_made_up(start, killed, tmp_path):
    killed(Score, 'compute_metrics', lambda *_: True, val_begin=4)
    start(resume=True, val_begin=4)
    assert files(tmp_path) == ['best_accuracy_epoch_4.pth', 'epoch_4.pth']


@pytest.mark.parametrize('interval', [3, 9])
def test_last_validation_is_made_up_whatever_the_interval(start, killed, interval):
    killed(
        Score,
        'compute_metrics',
        lambda metric, _: metric.runner().epoch == 4,
        val_interval=interval,
    )
    runner = start(resume=True, val_interval=interval)
    history, _ = runner.message_hub.get_scalar('val/accuracy').data
    assert history.tolist()[-1] == SCORES[4]
    assert len(history) == 4 // interval + 1


def test_finished_validation_is_not_repeated(start, killed):
    killed(SafeBackend, 'put', lambda _, content, path: path.endswith('/epoch_3.pth'))
    runner = start(resume=True)
    history, _ = runner.message_hub.get_scalar('val/accuracy').data
    assert history.tolist() == list(SCORES.values())


def test_highest_of_several_best_checkpoints_is_taken_over(start, tmp_path):
    start()
    best = tmp_path / 'work' / 'best_accuracy_epoch_2.pth'
    for epoch, score in ((1, 10.0), (3, 50.0)):
        content = torch.load(best)
        content['message_hub']['runtime_info']['best_score'] = score
        torch.save(content, best.with_name(f'best_accuracy_epoch_{epoch}.pth'))
    assert best_checkpoint(tmp_path / 'work') == str(best)
    start(resume=True)
    assert files(tmp_path) == ['best_accuracy_epoch_2.pth', 'epoch_4.pth']


def test_lost_best_checkpoint_is_replaced_by_the_next_one(start, killed, tmp_path):
    killed(SafeBackend, 'put', lambda _, content, path: path.endswith('/epoch_3.pth'))
    (tmp_path / 'work' / 'best_accuracy_epoch_2.pth').unlink()
    runner = start(resume=True)
    assert files(tmp_path) == ['best_accuracy_epoch_3.pth', 'epoch_4.pth']
    assert runner.message_hub.get_info('best_score') == 50


@pytest.mark.parametrize('name', ['epoch_3.pth', 'best_accuracy_epoch_2.pth'])
def test_weights_that_are_not_finite_are_never_saved(
    start, tmp_path, monkeypatch, name
):
    forward, epoch = Net.forward, int(name[-5])

    def spoil(hook, runner, *_):
        if runner.epoch == epoch - (not name.startswith('best')):
            nn.init.constant_(runner.model.layer.weight, float('nan'))

    event = 'before_val' if name.startswith('best') else 'before_train_epoch'
    monkeypatch.setattr(SafeCheckpointHook, event, spoil, raising=False)
    with pytest.raises(
        FloatingPointError, match=r'layer.weight is not finite.*epoch_2\.pth'
    ):
        start()
    assert Net.forward is forward
    assert files(tmp_path)[-1] == 'epoch_2.pth'
    assert (
        torch.load(tmp_path / 'work' / 'epoch_2.pth')['state_dict']['layer.weight']
        .isfinite()
        .all()
    )
    assert name not in files(tmp_path)


@pytest.mark.parametrize('free', [10, 20])  # bytes; a checkpoint has 12
def test_full_disk_is_reported_before_training(start, monkeypatch, tmp_path, free):
    monkeypatch.setattr('shutil.disk_usage', lambda _: SimpleNamespace(free=free))
    monkeypatch.setattr(Net, 'train_step', lambda *_: 1 / 0)
    with pytest.raises(OSError, match=f"{tmp_path}/work' has 0 MB of free space"):
        start()


def test_random_numbers_go_on_as_in_an_uninterrupted_run(
    start, killed, tmp_path, monkeypatch
):
    forward = Net.forward
    noisy = lambda net, x, mode: forward(net, x + torch.rand_like(x), mode)  # noqa: E731
    monkeypatch.setattr(Net, 'forward', noisy)
    whole = start().model.layer.weight
    shutil.rmtree(tmp_path / 'work')
    killed(SafeBackend, 'put', lambda _, content, path: path.endswith('/epoch_3.pth'))
    torch.rand(5)
    assert torch.equal(start(resume=True).model.layer.weight, whole)


def test_buffers_are_averaged_before_each_checkpoint_and_validation(start, monkeypatch):
    calls, module = [], 'mmadf.engine.hooks.safe_checkpoint'
    put, score = SafeBackend.put, Score.compute_metrics
    patches = {
        f'{module}.all_reduce_params': lambda *_, op: calls.append(op),
        f'{module}.SafeBackend.put': lambda *args: calls.append('put') or put(*args),
    }
    for name, function in patches.items():
        monkeypatch.setattr(name, function)
    monkeypatch.setattr(
        Score, 'compute_metrics', lambda *args: calls.append('score') or score(*args)
    )
    start()
    # The first two epochs save the best checkpoint, and the other one again.
    better, worse = ['mean', 'put', 'mean', 'score', 'put', 'put'], ['mean', 'put']
    assert calls == [*better, *better, *2 * [*worse, 'mean', 'score']]


def test_averaged_weights_are_saved_with_the_buffers_of_the_validation(monkeypatch):
    # Stands for the average with a process whose statistics are 0.
    def _halve(buffers, op):
        for buffer in buffers:
            buffer.data = buffer.data / 2

    module = 'mmadf.engine.hooks.safe_checkpoint'
    monkeypatch.setattr(f'{module}.all_reduce_params', _halve)
    model, hook = nn.BatchNorm1d(2), EMAHook()
    runner = SimpleNamespace(model=model, hooks=[hook], iter=0)
    hook.before_run(runner)
    model(torch.tensor([[1.0, 2.0], [3.0, 6.0]]))
    hook.after_train_iter(runner, 0)
    SafeCheckpointHook().before_val_epoch(runner)
    validated = {name: x.clone() for name, x in model.named_buffers()}
    checkpoint = dict(state_dict=model.state_dict())
    hook.before_save_checkpoint(runner, checkpoint)
    assert validated['running_mean'].tolist() == pytest.approx([0.1, 0.2])
    for name, buffer in validated.items():
        assert_close(checkpoint['state_dict'][name], buffer)
