"""Checkpoints that survive a crash at any moment."""

import os
import shutil
from pathlib import Path
from typing import Optional, Union

from mmengine.dist import (
    all_reduce_params,
    broadcast_object_list,
    is_main_process,
)
from mmengine.fileio import LocalBackend, register_backend
from mmengine.hooks import CheckpointHook, EMAHook
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop, Runner
from mmpretrain.utils import get_ori_model

from mmadf.engine.best import Best, choose, stored_bests
from mmadf.engine.random_state import gather_random_states, restore_random_states
from mmadf.engine.work_dir import NUMBERED
from mmadf.registry import HOOKS
from mmadf.utils.files import PARTIAL, atomic_write

from .check_loss import ADVICE

# Name of the last validated iteration in the message hub, which checkpoints contain.
VALIDATED = 'last_validation'


class SafeBackend(LocalBackend):
    """Local storage that writes files atomically and postpones their removal."""

    def __init__(self) -> None:
        self.outdated = set()

    def put(self, obj: bytes, filepath: Union[str, Path]) -> None:
        """Write `obj` to `filepath`, which keeps its former content until then."""
        atomic_write(filepath, obj)

    def remove(self, filepath: Union[str, Path]) -> None:
        """Note a file as outdated."""
        self.outdated.add(str(filepath))


register_backend('safe', SafeBackend)


@HOOKS.register_module()
class SafeCheckpointHook(CheckpointHook):
    """MMEngine's CheckpointHook, safe against being killed at any moment.

    The host's hook writes checkpoints in place and removes the former (best) checkpoint
    before it writes the next one. This hook replaces files atomically and removes a
    checkpoint only once its successor is on disk. A killed run may leave a file
    `<checkpoint>.partial`, which the resumed run removes.

    A resumed run first validates the resumed weights, if the killed run did not finish
    this validation. It takes over the best checkpoint that is in the folder, compared
    by the scores stored in the files, and removes other best checkpoints of the same
    metric.

    Checkpoints contain the states of the random number generators, which a resumed run
    restores. It reads the images in the order of the seed in the checkpoint, so that
    no image is trained twice in an epoch without a fixed seed. Weights that are not
    finite are never saved. If the disk cannot hold the weights twice, training does not
    start. Before checkpoints and validations the buffers, such as the running
    statistics of batch norms, are averaged over processes.

    Only the work directory, on a local disk, and the file names of `CheckpointHook` are
    supported; the other arguments are those of `CheckpointHook`.

    Raises:
        ValueError: `out_dir`, `backend_args`, `file_client_args` or `filename_tmpl` is
            given; when training starts, if one of training and checkpoints is by
            epochs and the other by iterations; or
            if a checkpoint within an epoch is resumed without `ResumableTrainLoop`.
        OSError: when training starts, if there is too little space on the disk.
        FloatingPointError: when a checkpoint is saved, if a parameter is not finite.
    """

    def __init__(self, *args, **kwargs) -> None:
        if kwargs.get('filename_tmpl'):
            raise ValueError(
                f'SafeCheckpointHook: filename_tmpl={kwargs["filename_tmpl"]!r} is not '
                'supported, since checkpoints are found by their names; remove it.'
            )
        if kwargs.get('out_dir'):
            raise ValueError(
                f'SafeCheckpointHook: out_dir={kwargs["out_dir"]!r} is not supported, '
                'since checkpoints are read from and removed in the work directory; '
                'remove it, and set work_dir or --work-dir.'
            )
        if kwargs.pop('backend_args', None) or kwargs.get('file_client_args'):
            raise ValueError(
                'SafeCheckpointHook writes to local directories; remove backend_args '
                'and file_client_args, or use CheckpointHook for other storage.'
            )
        super().__init__(*args, backend_args=dict(backend='safe'), **kwargs)
        self.random_states, self.leftovers = [], []
        self.saved_ckpt = None  # the newest one that is complete

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Keep what the hook has added to the checkpoint until training starts."""
        within = runner._resume and checkpoint.get('unfinished', {}).get('batch')
        if within and not hasattr(runner.train_loop, 'start_at'):
            raise ValueError(
                f'the checkpoint was written within an epoch, after {within} batches, '
                'where this train loop cannot start; resume with tools/train.py, or '
                'from the checkpoint of a whole epoch: --resume FILE.'
            )
        if runner._resume:
            _restore_order(runner, checkpoint['meta'].get('seed'))
        self.random_states = checkpoint.get('random_states', [])
        self.leftovers = checkpoint.get('outdated', [])

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Reject weights that are not finite; add random states and outdated files."""
        weights = checkpoint.get('state_dict', {})  # FlexibleRunner may add it later
        for name, _ in get_ori_model(runner.model).named_parameters():
            weight = weights.get(name)
            if weight is not None and not weight.isfinite().all():
                raise FloatingPointError(
                    f'{name} is not finite after iteration {runner.iter} and is not '
                    f'saved; last checkpoint: {self.saved_ckpt}. {ADVICE}'
                )
        checkpoint['random_states'] = self.random_states
        checkpoint['outdated'] = sorted(
            map(os.path.basename, self.file_backend.outdated)
        )

    def before_train(self, runner: Runner) -> None:
        """In a resumed run, choose the best checkpoint and finish the validation."""
        super().before_train(runner)
        if isinstance(runner.train_loop, EpochBasedTrainLoop) and not self.by_epoch:
            raise ValueError(
                'default_hooks.checkpoint.by_epoch=False cannot be resumed exactly in '
                'training by epochs; set it to True, and interval to a number of '
                'epochs, or train by iterations with train_cfg.by_epoch=False.'
            )
        if isinstance(runner.train_loop, IterBasedTrainLoop) and self.by_epoch:
            raise ValueError(
                'default_hooks.checkpoint.by_epoch=True saves nothing before the end '
                'of training by iterations; set it to False, and interval to a number '
                'of iterations.'
            )
        _check_space(runner, self.out_dir)
        if runner.iter == 0:
            return
        if is_main_process():
            self._remove_leftovers()
        restore_random_states(self.random_states)
        self.last_ckpt = runner.message_hub.get_info('last_ckpt')
        self.saved_ckpt = self.last_ckpt
        if self.save_best:
            self._take_over_best(runner)
        if _is_validation_due(runner):
            runner.logger.info('The interrupted run did not finish this validation:')
            runner.val_loop.run()

    def before_val_epoch(self, runner: Runner) -> None:
        """Let all processes validate with the same running statistics."""
        _average_buffers(runner)

    def after_val_epoch(self, runner: Runner, metrics: dict) -> None:
        """Save the best checkpoint, and note that these weights are validated."""
        runner.message_hub.update_info(VALIDATED, runner.iter)
        super().after_val_epoch(runner, metrics)

    def _remove_leftovers(self) -> None:
        """Remove what the killed run was about to rename or to remove."""
        partial = Path(self.out_dir).glob(f'*.pth{PARTIAL}')
        outdated = filter(NUMBERED.fullmatch, self.leftovers)
        for path in (*partial, *(Path(self.out_dir, name) for name in outdated)):
            path.unlink(missing_ok=True)

    def _take_over_best(self, runner: Runner) -> None:
        """Take the best checkpoint of each metric from the files; remove the others."""
        shared = [stored_bests(self.out_dir) if is_main_process() else None]
        broadcast_object_list(shared)
        (found,) = shared
        for metric, rule in zip(self.key_indicators, self.rules, strict=True):
            name = next(iter(found), '') if metric == 'auto' else metric
            bests = found.get(name.replace('/', '_'), [])
            best = choose(bests, rule) if bests else None
            self._set_best(runner, metric, best)
            for other in bests if is_main_process() else ():
                if other is not best:
                    os.remove(other.path)
                    runner.logger.info(f'{other.path} is not the best and is removed')

    def _set_best(self, runner: Runner, metric: str, best: Optional[Best]) -> None:
        """Set the score and path that MMEngine keeps of the best checkpoint."""
        several = len(self.key_indicators) > 1
        if several:
            self.best_ckpt_path_dict[metric] = best and best.path
        else:
            self.best_ckpt_path = best and best.path
        for field in ('score', 'ckpt'):
            key = f'best_{field}_{metric}' if several else f'best_{field}'
            runner.message_hub.pop_info(key)
            if best is not None:
                value = best.score if field == 'score' else best.path
                runner.message_hub.update_info(key, value)

    def _save_checkpoint(self, runner: Runner) -> None:
        _average_buffers(runner)
        super()._save_checkpoint(runner)

    def _save_checkpoint_with_step(self, runner: Runner, *args, **kwargs) -> None:
        self.random_states = gather_random_states()
        super()._save_checkpoint_with_step(runner, *args, **kwargs)
        self.saved_ckpt = self.last_ckpt
        self._remove_outdated()

    def _save_best_checkpoint(self, runner: Runner, *args, **kwargs) -> None:
        super()._save_best_checkpoint(runner, *args, **kwargs)
        self._remove_outdated()

    def _remove_outdated(self) -> None:
        """Remove outdated files, except those that have been written again."""
        best = getattr(self, 'best_ckpt_path_dict', {})
        current = {self.last_ckpt, getattr(self, 'best_ckpt_path', None)}
        for path in self.file_backend.outdated - current - set(best.values()):
            os.remove(path)
        self.file_backend.outdated.clear()


def _restore_order(runner: Runner, seed: Optional[int]) -> None:
    """Give the seed of a checkpoint to the training sampler, unless it has its own."""
    loader = runner.train_dataloader
    sampler = getattr(loader.batch_sampler, 'sampler', loader.sampler)
    if seed is not None and getattr(sampler, 'seed', None) == runner.seed:
        sampler.seed = seed


def _average_buffers(runner: Runner) -> None:
    """Average the buffers over processes, which differ for ordinary batch norms.

    Checkpoints contain those of one process, with which all of them resume. `EMAHook`
    has a copy of the buffers, which it saves in place of those of the model.
    """
    copies = [hook.ema_model for hook in runner.hooks if isinstance(hook, EMAHook)]
    for model in [runner.model, *copies]:
        all_reduce_params(model.buffers(), op='mean')


def _is_validation_due(runner: Runner) -> bool:
    """Return whether the train loop has stopped before a validation of its weights."""
    loop = runner.train_loop
    if runner.val_loop is None or runner.message_hub.get_info(VALIDATED) == loop.iter:
        return False
    if getattr(loop, 'first_batch', 0):  # resumed within an epoch
        return False
    loop._decide_current_val_interval()
    by_epoch = isinstance(loop, EpochBasedTrainLoop)
    done = loop.epoch if by_epoch else loop.iter
    last = loop.max_epochs if by_epoch else loop.max_iters
    due = done % loop.val_interval == 0 or done == last
    return done >= loop.val_begin and due


def _check_space(runner: Runner, folder: str) -> None:
    """Raise OSError if a folder has no space for two copies of the weights."""
    tensors = get_ori_model(runner.model).state_dict().values()
    size = 2 * sum(t.numel() * t.element_size() for t in tensors)
    os.makedirs(folder, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < size:
        raise OSError(
            f'{folder!r} has {free / 1e6:.0f} MB of free space, but two checkpoints '
            f'need more than {size / 1e6:.0f} MB; free some, or choose another '
            '--work-dir.'
        )
