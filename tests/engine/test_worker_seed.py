import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.dataset import DefaultSampler, InfiniteSampler
from mmengine.runner import IterBasedTrainLoop, loops
from torch.utils.data import DataLoader, Dataset

from mmadf.engine.hooks.worker_seed import WorkerSeedHook, set_seeds


class Noise(Dataset):
    """Samples that consist of random numbers only."""

    def __len__(self):
        return 6

    def __getitem__(self, index):
        numbers = random.random(), np.random.rand(), torch.rand(1).item()
        return torch.tensor(numbers, dtype=torch.float64)


def epochs(numbers, workers=2, persistent=True, seed=3):
    """Return the numbers of some epochs of a run that starts with the first of them."""
    loader = DataLoader(
        Noise(), batch_size=2, num_workers=workers, persistent_workers=persistent
    )
    runner = SimpleNamespace(
        train_loop=SimpleNamespace(dataloader=loader),
        val_loop=None,
        train_dataloader=loader,
        seed=seed,
        iter=3 * numbers[0],
    )
    hook = WorkerSeedHook()
    hook.before_train(runner)
    found = []
    for runner.epoch in numbers:
        hook.before_train_epoch(runner)
        found.append(torch.cat(list(loader)))
    return found


def test_resumed_run_repeats_the_numbers_of_an_uninterrupted_one():
    whole, resumed = epochs([0, 1, 2]), epochs([2])
    assert torch.equal(resumed[0], whole[2])


@pytest.mark.parametrize('workers, persistent', [(2, False), (1, True)])
def test_numbers_do_not_depend_on_the_workers(workers, persistent):
    other = epochs([0, 1], workers, persistent)
    assert torch.equal(torch.cat(epochs([0, 1])), torch.cat(other))


def batches_by_iteration(monkeypatch, skipped=0, persistent=False):
    """Return two passes of training by iterations, the first batches left out."""
    monkeypatch.setattr(loops, 'time', SimpleNamespace(sleep=lambda _: None))
    data = Noise()
    loader = DataLoader(
        data,
        batch_size=2,
        num_workers=2,
        persistent_workers=persistent,
        sampler=DefaultSampler(data, seed=0),
    )
    loop = IterBasedTrainLoop.__new__(IterBasedTrainLoop)
    loop.dataloader = loader
    runner = SimpleNamespace(train_loop=loop, val_loop=None, train_dataloader=loader)
    runner.seed, runner.epoch, runner.iter = 3, 0, skipped
    hook = WorkerSeedHook()
    hook.before_train(runner)
    hook.before_train_epoch(runner)
    endless = loops._InfiniteDataloaderIterator(loader)
    return torch.cat([next(endless) for _ in range(6)][skipped:])


class EagerIterator(loops._InfiniteDataloaderIterator):
    """Starts its workers at once, as stock MMEngine does."""

    def __init__(self, dataloader):
        super().__init__(dataloader)
        self._iterator = iter(dataloader)


class Numbered(Noise):
    """Samples that consist of their index and a random number."""

    def __getitem__(self, index):
        return index, random.random()


@pytest.mark.parametrize('persistent', [False, True])
def test_workers_that_run_already_are_seeded_and_start_with_the_first_batch(persistent):
    data = Numbered()
    loop = IterBasedTrainLoop.__new__(IterBasedTrainLoop)
    loop.dataloader = DataLoader(
        data,
        batch_size=2,
        num_workers=2,
        persistent_workers=persistent,
        sampler=InfiniteSampler(data, seed=0),
    )
    loop.dataloader_iterator = EagerIterator(loop.dataloader)
    runner = SimpleNamespace(
        train_loop=loop,
        val_loop=None,
        train_dataloader=loop.dataloader,
        seed=3,
        epoch=0,
        iter=0,
    )
    hook = WorkerSeedHook()
    hook.before_train(runner)
    hook.before_train_epoch(runner)
    order = torch.randperm(6, generator=torch.Generator().manual_seed(0)).tolist()
    for batch in range(3):
        indices, numbers = next(loop.dataloader_iterator)
        assert indices.tolist() == order[2 * batch : 2 * batch + 2]
        set_seeds(3, 0, 0, batch)
        assert numbers.tolist() == [random.random(), random.random()]


@pytest.mark.parametrize('persistent', [False, True])
def test_numbers_of_the_passes_of_training_by_iterations_differ(
    persistent, monkeypatch
):
    numbers = batches_by_iteration(monkeypatch, persistent=persistent)
    assert len(numbers.unique()) == numbers.numel() == 36


def test_resumed_training_by_iterations_repeats_the_numbers_of_its_pass(monkeypatch):
    whole = batches_by_iteration(monkeypatch)
    assert torch.equal(batches_by_iteration(monkeypatch, skipped=4), whole[8:])


def test_first_pass_of_training_by_iterations_has_the_numbers_of_the_first_epoch(
    monkeypatch,
):
    assert torch.equal(batches_by_iteration(monkeypatch)[:6], epochs([0])[0])


def test_numbers_of_batches_epochs_and_samples_differ():
    numbers = torch.cat(epochs([0, 1]))
    assert len(numbers.unique()) == numbers.numel()


def test_numbers_of_runs_with_other_seeds_differ():
    numbers = torch.cat(epochs([0]) + epochs([0], seed=4))
    assert len(numbers.unique()) == numbers.numel()


def test_numbers_of_the_main_process_are_left_alone():
    before = torch.get_rng_state()
    epochs([0], workers=0, persistent=False)
    used = torch.get_rng_state()
    torch.set_rng_state(before)
    torch.rand(6)
    assert torch.equal(torch.get_rng_state(), used)


def test_numbers_of_the_processes_differ(monkeypatch):
    found = []
    for rank in (0, 1):
        monkeypatch.setattr(
            'mmadf.engine.hooks.worker_seed.get_rank', lambda rank=rank: rank
        )
        found += epochs([0])
    numbers = torch.cat(found)
    assert len(numbers.unique()) == numbers.numel()


def test_both_data_loaders_have_generators_of_their_own():
    loops = [SimpleNamespace(dataloader=SimpleNamespace(num_workers=0)) for _ in 'ab']
    runner = SimpleNamespace(
        train_loop=loops[0], val_loop=loops[1], train_dataloader=loops[0].dataloader
    )
    runner.train_dataloader.sampler, runner.seed = None, 3
    WorkerSeedHook().before_train(runner)
    one, other = (loop.dataloader.generator for loop in loops)
    assert one is not other
    assert one.initial_seed() == other.initial_seed() == 3
