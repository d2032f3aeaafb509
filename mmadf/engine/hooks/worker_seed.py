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
from torch.utils.data import Dataset, Sampler, get_worker_info

from mmadf.engine.workers import restart_workers
from mmadf.registry import HOOKS


@HOOKS.register_module()
class WorkerSeedHook(Hook):
    """Seed the workers of the training data loader for each batch.

    A worker that keeps its generators from batch to batch, as MMEngine's do, starts
    anew in a resumed run, with other random crops than in an uninterrupted one. With
    this hook the random numbers of a batch depend on the seed of the run, the rank, the
    epoch and the number of the batch alone, whatever the number of workers. In training
    by iterations, workers that are not persistent are started for each pass over the
    data, whose number takes the place of the epoch. Data loaders without workers use
    the generators of the main process, which `SafeCheckpointHook` stores.

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
        # Epoch, and number of its first batch, which workers read when it begins.
        self.start = torch.zeros(2, dtype=torch.int64).share_memory_()
        # Iterations that a sampler skips do not reach the workers; others are repeated.
        by_iter = isinstance(runner.train_loop, IterBasedTrainLoop)
        self.skips = by_iter and hasattr(loader.sampler, 'skip')
        if loader.num_workers == 0:
            return
        # The `epoch` of a sampler is the number of the pass in training by iterations.
        counts_passes = by_iter and hasattr(loader.sampler, 'epoch')
        loader.worker_init_fn = partial(
            _seed_batches,
            init=loader.worker_init_fn,
            seed=(runner.seed, get_rank()),
            start=self.start,
            sampler=loader.sampler if counts_passes else None,
        )
        restart_workers(runner.train_loop)

    def before_train_epoch(self, runner: Runner) -> None:
        """Tell the workers the epoch, and where in it a resumed run continues."""
        self.start[0] = runner.epoch
        loop = runner.train_loop
        self.start[1] = runner.iter if self.skips else getattr(loop, 'first_batch', 0)


class SeededBatches:
    """`__getitems__` of a data set in a worker, which seeds before each batch.

    Args:
        dataset: data set of the worker.
        seed: integers that the random numbers depend on, each >= 0.
        start: current epoch and number of its first batch, in shared memory.
        worker: number of this worker.
        step: number of workers.
        passes: number of passes over the data that ended before the worker started, if
            `start` does not count them.
    """

    def __init__(
        self,
        dataset: Dataset,
        seed: tuple,
        start: Tensor,
        worker: int,
        step: int,
        passes: int = 0,
    ) -> None:
        self.get = getattr(dataset, '__getitems__', None)
        self.dataset = dataset
        self.seed = seed
        self.start, self.epoch = start, None
        self.worker, self.step = worker, step
        self.passes = passes

    def __call__(self, indices: List[int]) -> List[Any]:
        """Return the samples of a batch."""
        epoch, first = self.start.tolist()
        if self.epoch != epoch:
            self.epoch, self.batch = epoch, first + self.worker
        set_seeds(*self.seed, epoch + self.passes, self.batch)
        self.batch += self.step
        return self.get(indices) if self.get else [self.dataset[i] for i in indices]


def set_seeds(*numbers: int) -> None:
    """Seed Python, NumPy and PyTorch with a hash of integers >= 0."""
    seed = int(np.random.SeedSequence(numbers).generate_state(1)[0])
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def _seed_batches(
    worker: int,
    init: Optional[Callable],
    seed: tuple,
    start: Tensor,
    sampler: Optional[Sampler],
) -> None:
    """Initialise a worker."""
    if init is not None:
        init(worker)
    info = get_worker_info()
    passes = getattr(sampler, 'epoch', 0)
    info.dataset.__getitems__ = SeededBatches(
        info.dataset, seed, start, worker, info.num_workers, passes
    )
