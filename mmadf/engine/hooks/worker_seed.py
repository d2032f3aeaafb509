"""Random numbers of data loaders that a resumed run repeats."""

import random
from functools import partial
from typing import Any, Callable, List, Optional

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.runner import IterBasedTrainLoop, Runner
from torch import Tensor
from torch.utils.data import Dataset, get_worker_info

from mmadf.registry import HOOKS


@HOOKS.register_module()
class WorkerSeedHook(Hook):
    """Seed the workers of the training data loader for each batch.

    A worker that keeps its generators from batch to batch, as MMEngine's do, starts
    anew in a resumed run, with other random crops than in an uninterrupted one. With
    this hook the random numbers of a batch depend on the seed of the run, the rank, the
    epoch and the number of the batch alone, whatever the number of workers. Data
    loaders without workers use the generators of the main process, which
    `SafeCheckpointHook` stores.

    Starting an iteration over a data loader takes a number from its generator, but not
    if persistent workers run already. So that this does not change the numbers of the
    main process, the training and the validation data loader get generators of their
    own.
    """

    def before_train(self, runner: Runner) -> None:
        """Let the workers, which do not run yet, seed each batch."""
        for loop in filter(None, (runner.train_loop, runner.val_loop)):
            loop.dataloader.generator = torch.Generator().manual_seed(runner.seed)
        loader = runner.train_dataloader
        self.epoch = torch.zeros((), dtype=torch.int64).share_memory_()
        if loader.num_workers == 0:
            return
        # Iterations that a sampler skips do not reach the workers; others are repeated.
        skips = hasattr(loader.sampler, 'skip')
        by_iter = isinstance(runner.train_loop, IterBasedTrainLoop)
        loader.worker_init_fn = partial(
            _seed_batches,
            init=loader.worker_init_fn,
            seed=(runner.seed, get_rank()),
            epoch=self.epoch,
            first=runner.iter if by_iter and skips else 0,
        )

    def before_train_epoch(self, runner: Runner) -> None:
        """Tell the workers the epoch."""
        self.epoch.fill_(runner.epoch)


class SeededBatches:
    """`__getitems__` of a data set in a worker, which seeds before each batch.

    Args:
        dataset: data set of the worker.
        seed: integers that the random numbers depend on, each >= 0.
        epoch: current epoch, in shared memory.
        first: number of the first batch of this worker in its first epoch.
        step: number of workers.
    """

    def __init__(
        self, dataset: Dataset, seed: tuple, epoch: Tensor, first: int, step: int
    ) -> None:
        self.get = getattr(dataset, '__getitems__', None)
        self.dataset = dataset
        self.seed = seed
        self.epoch, self.current = epoch, int(epoch)
        self.batch, self.step = first, step
        self.worker = first % step

    def __call__(self, indices: List[int]) -> List[Any]:
        """Return the samples of a batch."""
        if self.current != int(self.epoch):
            self.current, self.batch = int(self.epoch), self.worker
        set_seeds(*self.seed, self.current, self.batch)
        self.batch += self.step
        return self.get(indices) if self.get else [self.dataset[i] for i in indices]


def set_seeds(*numbers: int) -> None:
    """Seed Python, NumPy and PyTorch with a hash of integers >= 0."""
    seed = int(np.random.SeedSequence(numbers).generate_state(1)[0])
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def _seed_batches(
    worker: int, init: Optional[Callable], seed: tuple, epoch: Tensor, first: int
) -> None:
    """Initialise a worker."""
    if init is not None:
        init(worker)
    info = get_worker_info()
    batches = SeededBatches(info.dataset, seed, epoch, first + worker, info.num_workers)
    info.dataset.__getitems__ = batches
