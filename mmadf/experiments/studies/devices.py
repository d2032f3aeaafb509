"""Which process of a study sees which GPU."""

import os
from contextlib import contextmanager
from queue import Queue
from typing import Dict, Iterator, List

import torch


def visible_gpus() -> List[str]:
    """Return the GPUs that this process sees, as CUDA_VISIBLE_DEVICES names them."""
    count = torch.cuda.device_count()
    named = os.environ.get('CUDA_VISIBLE_DEVICES')
    names = named.split(',') if named else map(str, range(count))
    return [name.strip() for name in names][:count]


class Devices:
    """Deals the visible GPUs out in turn, each to as many processes as needed.

    Args:
        jobs: how many processes at once, > 0.
    """

    def __init__(self, jobs: int) -> None:
        gpus = visible_gpus()
        self.free = Queue()
        for i in range(jobs):
            chosen = {'CUDA_VISIBLE_DEVICES': gpus[i % len(gpus)]} if gpus else {}
            self.free.put(chosen)

    @contextmanager
    def one(self) -> Iterator[Dict[str, str]]:
        """Give the environment of a process, with one GPU where there are any."""
        chosen = self.free.get()
        try:
            yield {**os.environ, **chosen}
        finally:
            self.free.put(chosen)
