"""Workers of data loaders that run before training begins."""

from mmengine.dataset import InfiniteSampler
from mmengine.runner import BaseLoop


def restart_workers(loop: BaseLoop) -> None:
    """Start the workers of a loop again, so that they read the data loader's settings.

    Stock MMEngine starts those of training by iterations when it builds the loop, the
    maintained fork with the first batch, for which there is nothing to do.

    Args:
        loop: loop whose data loader has been changed, before its first batch.
    """
    loader, endless = loop.dataloader, getattr(loop, 'dataloader_iterator', None)
    if not loader.num_workers or getattr(endless, '_iterator', None) is None:
        return
    loader._iterator = None  # which owns persistent workers
    if isinstance(loader.sampler, InfiniteSampler):  # which would continue
        loader.sampler.indices = loader.sampler._indices_of_rank()
    endless._iterator = iter(loader)
