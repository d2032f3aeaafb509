"""Stopping at a signal, with a checkpoint from which training continues exactly."""

import atexit
import os
import signal
import threading
from functools import partial
from pathlib import Path
from typing import Dict, Optional

import torch
from mmengine.dist import all_gather_object, all_reduce, get_rank, get_world_size
from mmengine.hooks import EMAHook, Hook
from mmengine.optim import OptimWrapperDict
from mmengine.runner import IterBasedTrainLoop, Runner
from mmpretrain.utils import get_ori_model
from torch import Tensor
from torch.utils.data import DataLoader

from mmadf.engine.loops import ResumableTrainLoop
from mmadf.engine.random_state import (
    gather_random_states,
    random_state,
    set_random_state,
)
from mmadf.engine.work_dir import INTERRUPTED
from mmadf.engine.workers import restart_workers
from mmadf.registry import HOOKS
from mmadf.utils.files import atomic_write

from .preempted_workers import init_worker

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)


class TrainingInterrupted(SystemExit):
    """Training has been stopped by a signal and can be resumed; exit code 75."""

    def __init__(self) -> None:
        super().__init__(os.EX_TEMPFAIL)


@HOOKS.register_module()
class PreemptionHook(Hook):
    """Stop at one of SIGNALS with a checkpoint of the current iteration.

    Ctrl-C sends SIGINT; a second one raises KeyboardInterrupt at once. A signal that is
    ignored when training starts, as SIGINT in the background of a shell script, remains
    ignored. Schedulers of clusters send one of the other signals before the time limit
    and when another job takes the place of this one. All processes finish the current
    iteration, also if only one of them receives the signal, and end with exit code 75.
    The file `interrupted.pth` in the work directory then contains all of the state
    within the epoch: the number of trained batches, the states of the random number
    generators and the buffers of every process. A resumed run continues with the next
    batch, and ends with the same weights as an undisturbed one. The file is removed
    once the next regular checkpoint is on disk.

    With gradient accumulation, training stops after the next step of the optimizer. A
    validation is repeated by the resumed run. It is interrupted only if all processes
    validate the same number of batches, as with `DefaultSampler(round_up=True)`, and
    without an `EMAHook`, which validates averaged weights; otherwise training stops
    after the next iteration.

    The hook does nothing outside of the main thread. With train loops other than
    `ResumableTrainLoop` and MMEngine's `IterBasedTrainLoop`, it only logs a warning.

    Raises:
        TrainingInterrupted: after the checkpoint is written.
        ValueError: a checkpoint within an epoch is resumed with another number of
            processes or of batches per epoch.
    """

    priority = 'LOWEST'  # after the other hooks have finished the iteration

    def __init__(self) -> None:
        self.handlers: Dict[int, object] = {}
        self.training = torch.zeros((), dtype=torch.bool).share_memory_()
        self.received: Optional[int] = None
        self.unfinished: Optional[dict] = None  # what is added to the next checkpoint
        self.resumed: Optional[dict] = None
        self.outdated = False

    def before_run(self, runner: Runner) -> None:
        """Handle the signals, and let the workers of data loaders survive them."""
        if threading.current_thread() is not threading.main_thread():
            return
        if not isinstance(runner.train_loop, (ResumableTrainLoop, IterBasedTrainLoop)):
            runner.logger.warning(
                f'train_cfg.type={type(runner.train_loop).__name__!r}: a signal ends '
                'this training at once, and --resume repeats the work since the last '
                'checkpoint; only the loops of by_epoch=True and by_epoch=False stop '
                'with a checkpoint.'
            )
            return
        self.handlers = {
            number: signal.signal(number, self._receive)
            for number in SIGNALS
            if signal.getsignal(number) is not signal.SIG_IGN
        }
        self.training.fill_(True)
        atexit.register(self.training.fill_, False)  # also after an error
        for loop in filter(None, (runner.train_loop, runner.val_loop)):
            if loop.dataloader.num_workers:
                init = partial(
                    init_worker,
                    init=loop.dataloader.worker_init_fn,
                    training=self.training,
                )
                loop.dataloader.worker_init_fn = init
                restart_workers(loop)

    def after_run(self, runner: Runner) -> None:
        """Restore the former handlers."""
        self.training.fill_(False)
        for number, handler in self.handlers.items():
            signal.signal(number, handler)

    def _receive(self, number: int, frame: object) -> None:
        self.received = number
        if number == signal.SIGINT:  # the next one has its usual effect
            signal.signal(number, self.handlers[number])

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Continue within the epoch, if the checkpoint was written there."""
        state = checkpoint.get('unfinished')
        if state is None or not runner._resume:
            return
        loop, loader = runner.train_loop, runner.train_dataloader
        for name, current in _shape(loader).items():
            if state[name] != current:
                raise ValueError(
                    f'the checkpoint was written within an epoch by {state[name]} '
                    f'{name}, and there are {current}; resume with the same number of '
                    'processes and batch size, or give the checkpoint of a whole '
                    'epoch: --resume FILE.'
                )
        self.resumed = state
        if not isinstance(loop, IterBasedTrainLoop):
            loop.start_at(state['batch'])

    def before_train(self, runner: Runner) -> None:
        """Restore the buffers of this process."""
        if self.resumed is not None:
            _load_buffers(runner, self.resumed['buffers'][get_rank()])

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Optional[dict] = None,
        outputs: Optional[dict] = None,
    ) -> None:
        """Stop if a process has received a signal and no gradients are pending."""
        self._remove_outdated(runner)
        if self._is_received() and _is_optimized(runner):
            by_iter = isinstance(runner.train_loop, IterBasedTrainLoop)
            self._stop(runner, runner.iter + 1, 0 if by_iter else batch_idx + 1)

    def after_train_epoch(self, runner: Runner) -> None:
        """Remove the file within the epoch, if a regular checkpoint has been saved."""
        self._remove_outdated(runner)

    def before_val_epoch(self, runner: Runner) -> None:
        """Keep the random state, with which the resumed run repeats the validation."""
        self.before_validation = random_state()

    def after_val_iter(self, runner: Runner, *args, **kwargs) -> None:
        """Stop if a process has received a signal, except with averaged weights."""
        if any(isinstance(hook, EMAHook) for hook in runner.hooks):
            return  # it exchanges the trained and the averaged weights until the end
        sampler = runner.val_dataloader.sampler
        if get_world_size() > 1 and not getattr(sampler, 'round_up', False):
            return  # the processes may validate different numbers of batches
        if self._is_received():
            set_random_state(self.before_validation)
            self._stop(runner, runner.iter, 0)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Add the state within the epoch."""
        if self.unfinished is not None:
            checkpoint['random_states'] = self.unfinished.pop('random_states')
            checkpoint['unfinished'] = self.unfinished
        elif 'optimizer' in checkpoint:  # not the best checkpoint
            self.outdated = True

    def _is_received(self) -> bool:
        """Return whether any process has received a signal; all of them call it."""
        received = torch.tensor(int(self.received is not None))
        all_reduce(received, 'max')
        return bool(received)

    def _stop(self, runner: Runner, iteration: int, batch: int) -> None:
        """Write the checkpoint and raise `TrainingInterrupted`.

        Args:
            runner: the Runner.
            iteration: number of trained iterations.
            batch: number of trained batches of the current epoch.
        """
        self.unfinished = dict(
            _shape(runner.train_dataloader),
            batch=batch,
            buffers=all_gather_object(_buffers(runner)),
            random_states=gather_random_states(),
        )
        runner.save_checkpoint(
            runner.work_dir,
            INTERRUPTED,
            meta=dict(epoch=runner.epoch, iter=iteration, batch=batch),
            backend_args=dict(backend='safe'),
        )
        path = Path(runner.work_dir, INTERRUPTED)
        if get_rank() == 0:
            atomic_write(path.with_name('last_checkpoint'), str(path).encode())
        name = (
            signal.Signals(self.received).name if self.received else 'another process'
        )
        runner.logger.info(
            f'Stopped by {name} after iteration {iteration}; --resume continues from '
            f'{path}'
        )
        raise TrainingInterrupted

    def _remove_outdated(self, runner: Runner) -> None:
        if self.outdated:
            Path(runner.work_dir, INTERRUPTED).unlink(missing_ok=True)
            self.outdated = False


def _shape(loader: DataLoader) -> Dict[str, int]:
    """Return what must be the same in a run that resumes within an epoch."""
    return {'processes': get_world_size(), 'batches per epoch': len(loader)}


def _is_optimized(runner: Runner) -> bool:
    """Return whether no accumulated gradients wait for a step of the optimizer."""
    wrapper = runner.optim_wrapper
    several = isinstance(wrapper, OptimWrapperDict)
    return all(w.should_update() for w in (wrapper.values() if several else [wrapper]))


def _buffers(runner: Runner) -> Dict[str, Tensor]:
    """Return the buffers, of which ordinary batch norms have others in each process."""
    buffers = get_ori_model(runner.model).named_buffers()
    return {name: buffer.detach().cpu() for name, buffer in buffers}


def _load_buffers(runner: Runner, values: Dict[str, Tensor]) -> None:
    for name, buffer in get_ori_model(runner.model).named_buffers():
        buffer.copy_(values[name])
