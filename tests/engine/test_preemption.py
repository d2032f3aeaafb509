"""Runs that a signal stops end like undisturbed ones when they are resumed."""

import itertools
import os
import pickle
import signal
import threading
from contextlib import contextmanager
from copy import copy
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.evaluator import BaseMetric
from mmengine.hooks import EMAHook, Hook
from mmengine.model import BaseModel
from mmengine.runner import IterBasedTrainLoop, Runner, loops
from torch import nn
from torch.utils.data import BatchSampler, DataLoader, Dataset

from mmadf.engine.hooks.preempted_workers import init_worker
from mmadf.engine.hooks.preemption import (
    SIGNALS,
    PreemptionHook,
    TrainingInterrupted,
)
from mmadf.engine.hooks.safe_checkpoint import SafeCheckpointHook
from mmadf.engine.hooks.worker_seed import WorkerSeedHook
from mmadf.engine.launch import QuietRunner, end_workers
from mmadf.engine.loops import ResumableTrainLoop, UntrainedBatches
from mmadf.engine.random_state import random_state
from mmadf.engine.work_dir import INTERRUPTED, latest_checkpoint


@contextmanager
def handlers_restored():
    handlers = [signal.getsignal(number) for number in SIGNALS]
    try:
        yield
    finally:
        for number, handler in zip(SIGNALS, handlers, strict=True):
            signal.signal(number, handler)


@pytest.fixture(autouse=True)
def interruptible():
    """Handle SIGINT as in a terminal; pytest-xdist ignores it."""
    with handlers_restored():
        signal.signal(signal.SIGINT, signal.default_int_handler)
        yield


class Noise(Dataset):
    """Random numbers, as of random crops."""

    def __len__(self):
        return 12

    def __getitem__(self, index):
        return dict(x=torch.rand(2) + torch.tensor(np.random.rand(2)).float() + index)


class Net(BaseModel):
    """A network with running statistics and dropout."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.BatchNorm1d(2), nn.Dropout(0.5), nn.Linear(2, 1))

    def forward(self, x, mode='tensor'):
        y = self.layers(x)
        return dict(loss=(y - 1).square().mean()) if mode == 'loss' else [y.mean()]


class Score(BaseMetric):
    """The mean output, with a random number."""

    def process(self, data_batch, data_samples):
        self.results.append(float(data_samples[0]) + torch.rand(1).item())

    def compute_metrics(self, results):
        return dict(accuracy=sum(results))


class Signal(Hook):
    """Send a signal to this process at an event, before other hooks."""

    priority = 'VERY_HIGH'

    def __init__(self, number, event, at):
        self.number, self.event, self.at = number, event, at

    def send(self, event, runner):
        if (event, runner.iter) == (self.event, self.at):
            os.kill(os.getpid(), self.number)

    def before_train_iter(self, runner, **kwargs):
        self.send('train', runner)

    def before_val_iter(self, runner, **kwargs):
        self.send('val', runner)

    def after_val_epoch(self, runner, **kwargs):
        self.send('after_val', runner)


@pytest.fixture
def start(tmp_path):
    """Return a function that trains 3 epochs of 4 batches in a folder, or resumes."""
    starts = itertools.count()

    def _start(name, *hooks, resume=False, by_epoch=True, workers=0, **fields):
        torch.manual_seed(0)
        averages = [EMAHook(momentum=0.1)] if fields.pop('ema', False) else []
        seed = fields.pop('seed', 0)
        work_dir = tmp_path / name
        loader = dict(dataset=Noise(), collate_fn=dict(type='default_collate'))
        sampler = dict(type='DefaultSampler' if by_epoch else 'InfiniteSampler')
        train = dict(by_epoch=True, max_epochs=3)
        if not by_epoch:
            train = dict(by_epoch=False, max_iters=12, val_interval=5)
        checkpoint = SafeCheckpointHook(
            interval=fields.pop('interval', 1 if by_epoch else 5),
            by_epoch=by_epoch,
            max_keep_ckpts=1,
            save_best='auto',
        )
        runner = QuietRunner(
            model=Net(),
            work_dir=str(work_dir),
            train_dataloader=dict(
                batch_size=3,
                sampler=sampler,
                num_workers=workers,
                persistent_workers=workers > 1,
                **loader,
            ),
            val_dataloader=dict(
                batch_size=3, sampler=dict(type='DefaultSampler'), **loader
            ),
            train_cfg=train,
            val_cfg=dict(),
            val_evaluator=[Score()],
            optim_wrapper=dict(
                optimizer=dict(type='SGD', lr=0.01, momentum=0.9), **fields
            ),
            param_scheduler=dict(type='ExponentialLR', gamma=0.9, by_epoch=False),
            default_hooks=dict(
                checkpoint=checkpoint,
                logger=dict(type='LoggerHook', interval=3),
                worker_seed=WorkerSeedHook(),
            ),
            custom_hooks=[PreemptionHook(), *averages, *hooks],
            load_from=latest_checkpoint(work_dir) if resume else None,
            resume=resume,
            randomness=dict(seed=seed),
            log_level='WARNING',
            experiment_name=f'{tmp_path}-{next(starts)}',  # no shared message hub
        )
        try:
            runner.train()
        finally:
            end_workers(runner)
        return runner

    return _start


@pytest.fixture
def stopped(start):
    """Return a function that trains until a signal."""

    def _stopped(event, at, number=signal.SIGTERM, **kwargs):
        with handlers_restored(), pytest.raises(TrainingInterrupted) as stop:
            start('stopped', Signal(number, event, at), **kwargs)
        assert stop.value.code == os.EX_TEMPFAIL

    return _stopped


def outcome(runner):
    """Return all that a signal must not change."""
    scores, _ = runner.message_hub.get_scalar('val/accuracy').data
    losses, _ = runner.message_hub.get_scalar('train/loss').data
    return dict(
        runner.model.state_dict(),
        momentum=runner.optim_wrapper.state_dict()['state'][0]['momentum_buffer'],
        lr=torch.tensor(runner.optim_wrapper.get_lr()['lr']),
        random=torch.rand(3),
        scores=torch.tensor(scores),
        losses=torch.tensor(losses),
    )


def assert_same(found, expected):
    different = [
        name for name in expected if not torch.equal(found[name], expected[name])
    ]
    assert different == []


@pytest.mark.slow
@pytest.mark.parametrize(
    'event, at, kwargs',
    [
        ('train', 0, dict(workers=2)),
        ('train', 5, dict(workers=2)),  # batches 6 and 7 remain
        ('train', 5, dict(workers=1)),  # its workers are restarted in each epoch
        ('train', 7, dict()),  # the last one of the second epoch
        ('val', 8, dict()),
        ('val', 8, dict(interval=3)),  # the second epoch is in no other checkpoint
        ('val', 8, dict(ema=True)),
        ('after_val', 8, dict()),
        ('train', 7, dict(by_epoch=False, workers=2)),
        ('val', 5, dict(by_epoch=False)),
        ('train', 5, dict(accumulative_counts=4)),
    ],
)
def test_stopped_and_resumed_run_ends_like_an_undisturbed_one(
    start, stopped, tmp_path, event, at, kwargs
):
    expected = outcome(start('whole', **kwargs))
    stopped(event, at, **kwargs)
    assert (tmp_path / 'stopped' / INTERRUPTED).exists()
    runner = start('stopped', resume=True, **kwargs)
    assert_same(outcome(runner), expected)
    names = [
        {p.name for p in (tmp_path / d).glob('*.pth')} for d in ('whole', 'stopped')
    ]
    assert names[0] == names[1]


def test_run_stopped_in_each_epoch_ends_like_an_undisturbed_one(start, stopped):
    expected = outcome(start('whole'))
    stops = (signal.SIGINT, 1), (signal.SIGTERM, 2), (signal.SIGUSR1, 6)
    for count, (number, at) in enumerate(stops):
        stopped('train', at, number, resume=count > 0)
    assert_same(outcome(start('stopped', resume=True)), expected)


@pytest.mark.parametrize('first, second', [(None, None), (0, 1)])
def test_images_are_trained_once_per_epoch_with_any_seed_of_the_resumed_run(
    start, stopped, monkeypatch, first, second
):
    read = []
    monkeypatch.setattr(
        Noise, '__getitem__', lambda _, i: read.append(i) or dict(x=torch.rand(2))
    )
    stopped('train', 1, seed=first)
    assert len(read) == 6
    start('stopped', resume=True, seed=second)
    assert sorted(read[:12]) == list(range(12))


def test_second_ctrl_c_ends_training_at_once(start, tmp_path):
    twice = [Signal(signal.SIGINT, 'train', 1) for _ in range(2)]
    with pytest.raises(KeyboardInterrupt):
        start('stopped', *twice)
    assert not (tmp_path / 'stopped' / INTERRUPTED).exists()


def test_pending_gradients_are_applied_before_the_stop(stopped, tmp_path):
    stopped('train', 5, accumulative_counts=4)
    state = torch.load(tmp_path / 'stopped' / INTERRUPTED)
    assert state['meta']['iter'] == 8
    assert state['meta']['batch'] == state['unfinished']['batch'] > 0


def test_missing_name_of_the_last_checkpoint_does_not_matter(start, stopped, tmp_path):
    stopped('train', 5)
    assert latest_checkpoint(tmp_path / 'stopped').endswith(INTERRUPTED)
    (tmp_path / 'stopped' / 'last_checkpoint').unlink()
    assert latest_checkpoint(tmp_path / 'stopped').endswith(INTERRUPTED)
    (tmp_path / 'stopped' / INTERRUPTED).write_bytes(b'torn')
    assert latest_checkpoint(tmp_path / 'stopped').endswith('epoch_1.pth')


@pytest.mark.parametrize('name', ['processes', 'batches per epoch'])
def test_other_batches_cannot_continue_an_epoch(start, stopped, tmp_path, name):
    stopped('train', 5)
    path = tmp_path / 'stopped' / INTERRUPTED
    content = torch.load(path)
    content['unfinished'][name] = 3
    torch.save(content, path)
    with pytest.raises(ValueError, match=rf'by 3 {name}, and there are [14];.*FILE'):
        start('stopped', resume=True)


def test_other_train_loops_do_not_repeat_batches(start, stopped, monkeypatch):
    stopped('train', 5)
    monkeypatch.setattr(QuietRunner, 'build_train_loop', Runner.build_train_loop)
    monkeypatch.setattr(PreemptionHook, 'after_load_checkpoint', lambda *_: None)
    with pytest.raises(ValueError, match='after 2 batches, where this train loop'):
        start('stopped', resume=True)


def test_file_within_an_epoch_can_initialise_another_training():
    hook = PreemptionHook()
    hook.after_load_checkpoint(SimpleNamespace(_resume=False), dict(unfinished={}))
    assert hook.resumed is None


def test_handlers_are_restored_after_training(start):
    before = [signal.getsignal(number) for number in SIGNALS]
    start('whole')
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_signals_that_are_ignored_remain_so(start):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    assert start('whole', Signal(signal.SIGINT, 'train', 1)).iter == 12
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_outside_of_the_main_thread_nothing_changes(start):
    before = [signal.getsignal(number) for number in SIGNALS]
    runners = []
    thread = threading.Thread(target=lambda: runners.append(start('whole')))
    thread.start()
    thread.join()
    assert runners[0].iter == 12
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_loop_that_cannot_be_stopped_is_named():
    before, said = [signal.getsignal(number) for number in SIGNALS], []
    logger = SimpleNamespace(warning=said.append)
    PreemptionHook().before_run(SimpleNamespace(train_loop=Noise(), logger=logger))
    assert said[0].startswith("train_cfg.type='Noise': a signal ends this training at")
    assert [signal.getsignal(number) for number in SIGNALS] == before


class Signalled(Dataset):
    """A data set whose worker is signalled while it loads a sample."""

    def __init__(self, numbers):
        self.numbers = numbers

    def __len__(self):
        return 1

    def __getitem__(self, index):
        for number in self.numbers:
            os.kill(os.getpid(), number)
        return index


def signalled(training, *numbers):
    init = partial(init_worker, init=None, training=torch.tensor(training))
    return DataLoader(Signalled(numbers), num_workers=1, worker_init_fn=init)


@pytest.mark.parametrize('number', SIGNALS)
def test_workers_survive_a_signal_to_all_processes(number):
    assert list(signalled(True, number)) == [torch.tensor([0])]


def test_workers_are_terminated_after_training():
    with pytest.raises(RuntimeError, match='exited unexpectedly|Terminated'):
        list(signalled(False, signal.SIGTERM))


def test_workers_can_be_terminated_once_the_process_ends(stopped, monkeypatch):
    registered = []
    monkeypatch.setattr('atexit.register', lambda *call: registered.append(call))
    stopped('train', 1)
    ((function, value),) = [c for c in registered if c[0].__name__ == 'fill_']
    assert function.__self__
    function(value)
    assert not function.__self__


def test_workers_keep_their_own_initialisation():
    loop, initialised = object.__new__(ResumableTrainLoop), []
    loop.dataloader = DataLoader(
        Noise(), num_workers=1, worker_init_fn=initialised.append
    )
    hook, runner = PreemptionHook(), SimpleNamespace(train_loop=loop, val_loop=None)
    hook.before_run(runner)
    loop.dataloader.worker_init_fn(3)
    hook.after_run(runner)
    assert initialised == [3]


def test_batches_are_left_out_of_the_first_iteration_alone():
    batches = BatchSampler(range(7), batch_size=2, drop_last=False)
    untrained = UntrainedBatches(batches, 3)
    iter(untrained)  # not used, as some of DataLoader
    assert list(untrained) == [[6]]
    assert list(untrained) == list(batches)
    assert (len(untrained), untrained.batch_size) == (4, 2)


@pytest.mark.parametrize('copied', [copy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_leave_out_the_same_batches(copied):
    batches = BatchSampler(range(7), batch_size=2, drop_last=False)
    other = copied(UntrainedBatches(batches, 3))
    assert other.batch_size == 2
    assert [list(other), list(other)] == [[[6]], [[0, 1], [2, 3], [4, 5], [6]]]


class Handled(Dataset):
    """Samples that tell whether their worker ignores SIGUSR1."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return signal.getsignal(signal.SIGUSR1) is signal.SIG_IGN


def test_workers_that_run_already_survive_signals():
    with handlers_restored():
        loop = IterBasedTrainLoop.__new__(IterBasedTrainLoop)
        loop.dataloader = DataLoader(Handled(), num_workers=1)
        loop.dataloader_iterator = loops._InfiniteDataloaderIterator(loop.dataloader)
        # Stock MMEngine starts the workers at once.
        loop.dataloader_iterator._iterator = iter(loop.dataloader)
        hook, runner = PreemptionHook(), SimpleNamespace(train_loop=loop, val_loop=None)
        hook.before_run(runner)
        assert next(loop.dataloader_iterator).tolist() == [True]
        hook.after_run(runner)


MODULE = 'mmadf.engine.hooks.preemption'


def test_each_process_resumes_with_its_own_buffers(monkeypatch):
    hook, runner = PreemptionHook(), SimpleNamespace(model=Net())
    buffers = dict(runner.model.named_buffers())
    hook.resumed = dict(
        buffers=[
            {name: torch.full_like(buffer, rank) for name, buffer in buffers.items()}
            for rank in (4, 5)
        ]
    )
    monkeypatch.setattr(f'{MODULE}.get_rank', lambda: 1)
    hook.before_train(runner)
    assert [(buffer == 5).all().item() for buffer in buffers.values()] == [True] * 3


def test_validations_of_different_lengths_are_not_interrupted(monkeypatch):
    monkeypatch.setattr(f'{MODULE}.get_world_size', lambda: 2)
    stops, hook = [], PreemptionHook()
    hook.received, hook.before_validation = signal.SIGTERM, random_state()
    monkeypatch.setattr(hook, '_stop', lambda *args: stops.append(args[1:]))
    for round_up in (False, True):
        loader = SimpleNamespace(sampler=SimpleNamespace(round_up=round_up))
        hook.after_val_iter(SimpleNamespace(val_dataloader=loader, iter=6, hooks=[]))
        assert stops == [(6, 0)] * round_up


def test_processes_stop_together(monkeypatch):
    monkeypatch.setattr(f'{MODULE}.all_reduce', lambda flag, op: flag.fill_(1))
    stops, hook = [], PreemptionHook()
    monkeypatch.setattr(hook, '_stop', lambda *args: stops.append(args[1:]))
    wrapper = SimpleNamespace(should_update=lambda: True)
    runner = SimpleNamespace(optim_wrapper=wrapper, iter=6, train_loop=None)
    hook.after_train_iter(runner, 2)
    assert stops == [(7, 3)]
