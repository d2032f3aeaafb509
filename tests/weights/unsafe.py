"""Checkpoints that create a file if their pickle is run."""

import pickle

import torch


class CreateFile:
    """Creates the file `path` when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), 'w')


def save_unsafe(path, marker, **content):
    """Write a checkpoint that creates `marker` when its pickle is run."""
    meta = dict(epoch=1, iter=4, note=CreateFile(marker))
    torch.save(dict(meta=meta, **content), path)
    return path


def save_unsafe_forms(folder, marker):
    """Write the file formats that PyTorch reads and return their paths."""
    unsafe = CreateFile(marker)
    paths = [folder / f'{form}.pth' for form in ('zip', 'legacy', 'pickle2', 'pickle5')]
    torch.save(unsafe, paths[0])
    torch.save(unsafe, paths[1], _use_new_zipfile_serialization=False)
    for path, protocol in zip(paths[2:], (2, 5), strict=True):
        path.write_bytes(pickle.dumps(unsafe, protocol))
    return paths
