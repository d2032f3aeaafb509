"""Checkpoints that survive a crash at any moment."""

import os
from pathlib import Path
from typing import Union

from mmengine.fileio import LocalBackend, register_backend
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner

from mmadf.registry import HOOKS
from mmadf.utils.files import atomic_write


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
    `<checkpoint>.partial`, which the resumed run overwrites. Only local directories are
    supported; the arguments are those of `CheckpointHook` except `backend_args`.

    Raises:
        ValueError: `backend_args` or `file_client_args` is given.
    """

    def __init__(self, *args, **kwargs) -> None:
        if kwargs.pop('backend_args', None) or kwargs.get('file_client_args'):
            raise ValueError(
                'SafeCheckpointHook writes to local directories; remove backend_args '
                'and file_client_args, or use CheckpointHook for other storage.'
            )
        super().__init__(*args, backend_args=dict(backend='safe'), **kwargs)

    def _save_checkpoint_with_step(self, runner: Runner, *args, **kwargs) -> None:
        super()._save_checkpoint_with_step(runner, *args, **kwargs)
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
