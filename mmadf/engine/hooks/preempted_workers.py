"""Workers of data loaders that outlive a signal to all processes of a job."""

import os
import signal
from functools import partial
from typing import Callable, Optional

from torch import Tensor


def init_worker(worker: int, init: Optional[Callable], training: Tensor) -> None:
    """Initialise a worker that survives the signals while the training goes on.

    Ctrl-C and some schedulers signal every process of a job, and a data loader fails as
    soon as a worker dies. At the end of a program PyTorch and Python terminate the
    workers that are left.

    Args:
        worker: number of the worker.
        init: former `worker_init_fn` of the data loader.
        training: whether the training goes on, in shared memory.
    """
    signal.signal(signal.SIGTERM, partial(_terminate_unless, training))
    for ignored in (signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(ignored, signal.SIG_IGN)
    if init is not None:
        init(worker)


def _terminate_unless(training: Tensor, number: int, frame: object) -> None:
    if not training:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
