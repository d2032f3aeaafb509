"""Checkpoints that a crash cannot spoil."""

import os
from contextlib import contextmanager
from glob import escape, glob
from pathlib import Path
from typing import Iterator, Union

from mmengine.dist import master_only
from mmengine.fileio import LocalBackend, register_backend
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner

from mmadf.registry import HOOKS
from mmadf.utils.files import PARTIAL, atomic_write


class AtomicBackend(LocalBackend):
    """Local files that appear whole or not at all, see `atomic_write`."""

    def put(self, obj: bytes, filepath: Union[str, Path]) -> None:
        """Write `obj` to `filepath`; a former file stays until all is written."""
        atomic_write(filepath, obj)


class _KeepUntilSaved(AtomicBackend):
    """Collects what is to be removed, so that it can be removed later."""

    def __init__(self) -> None:
        self.doomed = []

    def remove(self, filepath: Union[str, Path]) -> None:
        """Note a file."""
        self.doomed.append(str(filepath))

    def rmtree(self, dir_path: Union[str, Path]) -> None:
        """Note a folder."""
        self.doomed.append(str(dir_path))


register_backend('atomic', AtomicBackend)


@HOOKS.register_module()
class SafeCheckpointHook(CheckpointHook):
    """MMEngine's CheckpointHook, safe against being killed at any moment.

    The host writes checkpoints in place and deletes the former (best) one before
    the next is written. Here a file is replaced only by a whole one, and what has
    served its time is deleted after its successor is on the disk. For local
    folders; takes the arguments of `CheckpointHook` but `backend_args`.
    """

    def __init__(self, *args, **kwargs) -> None:
        if kwargs.get('backend_args') or kwargs.get('file_client_args'):
            raise ValueError(
                'SafeCheckpointHook writes to local folders: leave out backend_args '
                'and file_client_args, or use CheckpointHook for other storage.'
            )
        super().__init__(*args, backend_args=dict(backend='atomic'), **kwargs)

    def before_train(self, runner: Runner) -> None:
        """Clear away what a killed run left half-written."""
        super().before_train(runner)
        self._remove_partial_files()

    @master_only
    def _remove_partial_files(self) -> None:
        for path in glob(os.path.join(escape(self.out_dir), '*' + PARTIAL)):
            os.remove(path)

    def _save_checkpoint_with_step(self, runner: Runner, *args, **kwargs) -> None:
        with self._removing_last():
            super()._save_checkpoint_with_step(runner, *args, **kwargs)

    def _save_best_checkpoint(self, runner: Runner, *args, **kwargs) -> None:
        with self._removing_last():
            super()._save_best_checkpoint(runner, *args, **kwargs)

    @contextmanager
    def _removing_last(self) -> Iterator[None]:
        """Hold back removals of the host until its writing is done."""
        backend = self.file_backend
        self.file_backend = keeper = _KeepUntilSaved()
        try:
            yield
        finally:
            self.file_backend = backend
        for path in set(keeper.doomed) - self._current_files():
            remove = backend.rmtree if os.path.isdir(path) else backend.remove
            remove(path)

    def _current_files(self) -> set:
        """Return the checkpoints that were just written and must stay."""
        best = getattr(self, 'best_ckpt_path_dict', {})
        return {self.last_ckpt, getattr(self, 'best_ckpt_path', None), *best.values()}
