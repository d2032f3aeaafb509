"""The data of a training or a test, which must be there before it starts."""

import os
from inspect import signature
from typing import Iterator, Sequence, Tuple

from mmengine.config import Config
from mmpretrain.registry import DATASETS

from mmadf.utils.types import type_name
from mmadf.weights.load import inner_configs


def check_data_loader(cfg: Config, split: str) -> None:
    """Require that a config describes the data that is read.

    Args:
        cfg: config of a Runner.
        split: 'train' or 'test'.

    Raises:
        ValueError: there is no `train_dataloader` or `test_dataloader`.
    """
    if not cfg.get(f'{split}_dataloader'):
        raise ValueError(
            f'the config has no {split}_dataloader: it describes a network without the '
            f'data to {split} it on, as the config of a model folder does; give the '
            'config of a training.'
        )


def check_data_roots(cfg: Config, splits: Sequence[str]) -> None:
    """Require that the folders of data sets exist, and contain something.

    A folder may be empty if the data set downloads its files, as MMPretrain's CIFAR10
    does.

    Args:
        cfg: config of a Runner.
        splits: data sets that will be read, any of 'train', 'val' and 'test'.

    Raises:
        FileNotFoundError: a `data_root` that does not exist or is empty.
        TypeError: a `data_root` that is not text.
    """
    for field, dataset in _datasets(cfg, splits):
        _check_data_root(field, dataset)


def _check_data_root(field: str, dataset: dict) -> None:
    root = dataset.get('data_root')
    if not isinstance(root, (str, type(None))):
        raise TypeError(
            f'{field}.data_root={root!r} must be text; write the path of a folder '
            f'whose name is a number as ./{root}.'
        )
    if not root or '://' in root:
        return
    downloads, is_folder = _downloads(dataset), os.path.isdir(root)
    if not is_folder or not (downloads or os.listdir(root)):
        problem = 'is empty' if is_folder else 'is not a directory'
        remedy = (
            f'create it, and {type_name(dataset["type"])} downloads the data to it'
            if downloads
            else 'put the data there'
        )
        raise FileNotFoundError(
            f'{field}.data_root={root!r} {problem} (relative to {os.getcwd()!r}); '
            f'{remedy}, or set another one with --cfg-options {field}.data_root=DIR.'
        )


def _downloads(dataset: dict) -> bool:
    """Return whether a data set downloads its files if they are missing."""
    kind = dataset.get('type')
    kind = DATASETS.get(kind) if isinstance(kind, str) else kind
    arguments = signature(kind).parameters if callable(kind) else {}
    return 'download' in arguments and bool(
        dataset.get('download', arguments['download'].default)
    )


def _datasets(cfg: Config, splits: Sequence[str]) -> Iterator[Tuple[str, dict]]:
    """Yield the dotted name and the config of each data set that is read."""
    for split in splits:
        loader = cfg.get(f'{split}_dataloader')
        if loader is None:
            continue
        dataset = loader.get('dataset')
        if isinstance(dataset, dict):
            yield from inner_configs(dataset, f'{split}_dataloader.dataset')
