"""Training by epochs that can be resumed within an epoch."""

from itertools import islice
from typing import Any, Iterator, List

from mmengine.runner import EpochBasedTrainLoop
from torch.utils.data import Sampler

from mmadf.registry import LOOPS

from .loop_checks import check_batches


@LOOPS.register_module()
class ResumableTrainLoop(EpochBasedTrainLoop):
    """MMEngine's EpochBasedTrainLoop, which can also start within an epoch.

    The batches that the interrupted run has trained are left out without loading them,
    and hooks receive the number of each batch within the epoch. The arguments are those
    of `EpochBasedTrainLoop`.

    Raises:
        ValueError: the data loader has no batch.
    """

    first_batch = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        check_batches(self.dataloader)  # before schedules divide by their number

    def start_at(self, batch: int) -> None:
        """Start the next epoch at this batch, counted from 0."""
        self.first_batch = batch
        batches = UntrainedBatches(self.dataloader.batch_sampler, batch)
        # DataLoader refuses the assignment, because its iterators would not notice it;
        # there is none before the first epoch.
        object.__setattr__(self.dataloader, 'batch_sampler', batches)

    def run_epoch(self) -> None:
        """Train the rest of an epoch."""
        self.runner.call_hook('before_train_epoch')
        self.runner.model.train()
        for index, batch in enumerate(self.dataloader, self.first_batch):
            self.run_iter(index, batch)
        self.first_batch = 0
        self.runner.call_hook('after_train_epoch')
        self._epoch += 1


class UntrainedBatches(Sampler[List[int]]):
    """A batch sampler without the first batches, in its first iteration only.

    Args:
        sampler: batch sampler, whose other attributes remain available.
        trained: number of batches to leave out, >= 0.
    """

    def __init__(self, sampler: Sampler[List[int]], trained: int) -> None:
        self.batch_sampler = sampler
        self.trained = trained

    def __iter__(self) -> Iterator[List[int]]:
        """Iterate over the batches.

        DataLoader creates some iterators that it does not use: the first one that is
        used leaves batches out.
        """
        trained, self.trained = self.trained, 0
        yield from islice(iter(self.batch_sampler), trained, None)

    def __len__(self) -> int:
        """Return the number of batches of a whole epoch."""
        return len(self.batch_sampler)

    def __getattr__(self, name: str) -> object:
        """Return an attribute of the batch sampler."""
        if name == 'batch_sampler':  # of a copy that has no attributes yet
            raise AttributeError(name)
        return getattr(self.batch_sampler, name)
