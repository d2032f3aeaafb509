"""Checks of a config before anything is built."""

import os
from difflib import get_close_matches
from inspect import signature
from typing import Iterator, Sequence, Tuple

from mmengine.config import Config
from mmengine.runner import Runner

# Keys that the Runner or the scripts read beside the Runner's own arguments.
EXTRA_KEYS = {
    'auto_scale_lr',
    'find_unused_parameters',
    'model_wrapper_cfg',
    'runner_type',
    'sync_bn',
    'tta_model',
    'tta_pipeline',
}
KNOWN_KEYS = EXTRA_KEYS | set(signature(Runner.__init__).parameters) - {'self'}


def check_config(cfg: Config, splits: Sequence[str]) -> None:
    """Refuse misspelt keys and missing data folders.

    Args:
        cfg: config of a Runner.
        splits: data sets that will be read, of 'train', 'val' and 'test'.

    Raises:
        ValueError: a top-level key that nearly is a known one.
        FileNotFoundError: a `data_root` that does not exist.
    """
    for key in cfg:
        if key not in KNOWN_KEYS:
            _refuse_near_miss(key)
    for field, data_root in _data_roots(cfg, splits):
        if not os.path.isdir(data_root):
            raise FileNotFoundError(
                f'{field}: data_root={data_root!r} is no folder (seen from '
                f'{os.getcwd()!r}); put the data there, or set '
                f'{field}.data_root=<folder> with --cfg-options.'
            )


def check_options(cfg: Config, options: Sequence[str]) -> None:
    """Refuse options of the command line that would change nothing.

    Args:
        cfg: the config before they are merged.
        options: dotted keys, as `model.readout`.

    Raises:
        ValueError: the first part of a key is neither in the config nor known.
    """
    for option in options:
        key = option.split('.')[0]
        if key not in cfg and key not in KNOWN_KEYS:
            _refuse_near_miss(key, cutoff=0.0)


def _refuse_near_miss(key: str, cutoff: float = 0.9) -> None:
    """Raise if `key` resembles a known key."""
    if similar := get_close_matches(key, sorted(KNOWN_KEYS), n=1, cutoff=cutoff):
        raise ValueError(
            f'unknown config key {key!r}; did you mean {similar[0]!r}? Known keys: '
            f'{", ".join(sorted(KNOWN_KEYS))}.'
        )


def _data_roots(cfg: Config, splits: Sequence[str]) -> Iterator[Tuple[str, str]]:
    """Yield (dotted name of a data set, its data_root) for each that will be read."""
    for split in splits:
        loader = cfg.get(f'{split}_dataloader')
        if loader is None:
            continue
        field, dataset = f'{split}_dataloader.dataset', loader.get('dataset', {})
        while 'dataset' in dataset:  # wrappers as RepeatDataset
            field, dataset = f'{field}.dataset', dataset['dataset']
        root = dataset.get('data_root') if isinstance(dataset, dict) else None
        if root and '://' not in root:
            yield field, root
