"""Checks of a config before anything is built."""

import os
from difflib import get_close_matches
from inspect import signature
from typing import Iterator, Sequence, Tuple

from mmengine.config import Config
from mmengine.runner import Runner

# Keys that the Runner or the scripts read beside the Runner's own arguments.
EXTRA_KEYS = {
    'activation_checkpointing',
    'auto_scale_lr',
    'compile',
    'efficient_conv_bn_eval',
    'find_unused_parameters',
    'model_wrapper_cfg',
    'runner_type',
    'strategy',
    'sync_bn',
    'tta_model',
    'tta_pipeline',
}
# Of these, what MMEngine's FlexibleRunner would silently ignore, and what it reads.
IGNORED_IF_FLEXIBLE = {
    'activation_checkpointing': 'strategy.activation_checkpointing',
    'compile': "MMEngine's Runner",
    'efficient_conv_bn_eval': "MMEngine's Runner",
    'find_unused_parameters': 'strategy.model_wrapper',
    'model_wrapper_cfg': 'strategy.model_wrapper',
    'sync_bn': 'strategy.sync_bn',
}
KNOWN_KEYS = EXTRA_KEYS | set(signature(Runner.__init__).parameters) - {'self'}


def check_config(cfg: Config, splits: Sequence[str]) -> None:
    """Refuse misspelt or ignored keys, and missing data folders.

    Args:
        cfg: config of a Runner.
        splits: data sets that will be read, of 'train', 'val' and 'test'.

    Raises:
        ValueError: a top-level key that nearly is a known one, that the chosen
            runner ignores, or a hook that cannot work under the chosen strategy.
        FileNotFoundError: a `data_root` that does not exist.
    """
    for key in cfg:
        if key not in KNOWN_KEYS:
            _refuse_near_miss(key)
    _check_flexible(cfg)
    for field, data_root in _data_roots(cfg, splits):
        if not os.path.isdir(data_root):
            raise FileNotFoundError(
                f'{field}: data_root={data_root!r} is no folder (seen from '
                f'{os.getcwd()!r}); put the data there, or set '
                f'{field}.data_root=<folder> with --cfg-options.'
            )


def is_flexible(cfg: Config) -> bool:
    """Whether a config asks for MMEngine's FlexibleRunner, which runs strategies."""
    return str(cfg.get('runner_type')).endswith('FlexibleRunner')


def check_options(cfg: Config, options: Sequence[str]) -> None:
    """Refuse options of the command line that would change nothing.

    Args:
        cfg: the config before they are merged.
        options: dotted keys, as `model.readout`.

    Raises:
        ValueError: the first part of a key is unknown, or is a variable of the config
            file, whose value has been taken over when the file was read.
    """
    for option in options:
        key = option.split('.')[0]
        if key in KNOWN_KEYS:
            continue
        if key not in cfg:
            _refuse_near_miss(key, cutoff=0.0)
        takers = [field for field in _fields(cfg) if field.endswith(f'.{key}')]
        raise ValueError(
            f'option {option!r} changes nothing: {key!r} is a variable of the config '
            'file, whose value is already in place; change the file, or set the fields '
            f'that take it{": " if takers else ""}{", ".join(takers)}.'
        )


def _refuse_near_miss(key: str, cutoff: float = 0.9) -> None:
    """Raise if `key` resembles a known key."""
    if similar := get_close_matches(key, sorted(KNOWN_KEYS), n=1, cutoff=cutoff):
        raise ValueError(
            f'unknown config key {key!r}; did you mean {similar[0]!r}? Known keys: '
            f'{", ".join(sorted(KNOWN_KEYS))}.'
        )


def _fields(tree: dict, prefix: str = '') -> Iterator[str]:
    """Yield the dotted name of every field below the top level."""
    for key, value in tree.items():
        if prefix:
            yield f'{prefix}.{key}'
        if isinstance(value, dict):
            yield from _fields(value, f'{prefix}.{key}' if prefix else key)


def _check_flexible(cfg: Config) -> None:
    """Refuse what MMEngine's FlexibleRunner ignores, and EMA of sharded weights."""
    flexible = is_flexible(cfg)
    if 'strategy' in cfg and not flexible:
        raise ValueError(
            f"strategy={cfg.strategy!r} is ignored by MMEngine's Runner; set "
            "runner_type='ResumableFlexibleRunner', or leave strategy out."
        )
    for key, instead in IGNORED_IF_FLEXIBLE.items():
        if flexible and cfg.get(key):
            raise ValueError(
                f'{key}={cfg[key]!r} is ignored by {cfg.runner_type}; leave it out, '
                f'and use {instead} instead.'
            )
    hooks = [*cfg.get('default_hooks', {}).values(), *cfg.get('custom_hooks', [])]
    averages = any('EMAHook' in str(hook.get('type')) for hook in hooks if hook)
    if averages and cfg.get('strategy', {}).get('type') == 'FullyShardStrategy':
        raise ValueError(
            'EMAHook copies the whole model, which FullyShardStrategy spreads over the '
            "processes; leave one of them out (EMA works with MMEngine's Runner)."
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
