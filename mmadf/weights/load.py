"""A trained network from config and checkpoint, and the names of its classes."""

from copy import deepcopy
from pathlib import Path
from typing import Any, List, Tuple, Union

import mmengine
import mmpretrain
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import load_checkpoint
from mmpretrain.apis.model import ModelHub
from mmpretrain.registry import DATASETS
from torch import nn

import mmadf  # noqa: F401  registers


def read_config(config: str) -> Config:
    """Return the config of a file, or of a name of `mmpretrain.list_models`.

    Raises:
        FileNotFoundError: a config file that is not there.
        ValueError: an unknown name, or a file that is no config of a model.
    """
    if Path(config).suffix not in ('.py', '.json', '.yml', '.yaml'):
        return deepcopy(ModelHub.get(config).config)
    if not Path(config).is_file():
        raise FileNotFoundError(f'there is no config file {config}.')
    try:
        cfg = Config.fromfile(config)
    except Exception as error:  # whatever the code in the file, or a base of it, raises
        raise ValueError(
            f'{config} cannot be read as a config: {type(error).__name__}: {error}'
        ) from error
    if not isinstance(cfg.get('model'), dict):
        raise ValueError(f'{config} has no `model`; give the config of a network.')
    return cfg


def load_network(
    cfg: Config, checkpoint: Union[str, Path], device: str = 'cpu'
) -> Tuple[nn.Module, dict]:
    """Build a network in evaluation mode with exactly the weights of a file.

    Args:
        cfg: config of the network, see `read_config`. Weights that it would start
            from are not read, since the checkpoint replaces them.
        checkpoint: path, or an address that MMEngine's loader knows.
        device: of PyTorch.

    Returns:
        The network, and the `meta` of the checkpoint.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no checkpoint, or not of this network.
    """
    cfg = cfg.copy()
    cfg.model = strip_pretrained(cfg.model.to_dict())
    model = mmpretrain.get_model(cfg)
    try:
        loaded = load_checkpoint(
            model, str(checkpoint), map_location='cpu', strict=True, logger='silent'
        )
    except FileNotFoundError:
        raise
    except Exception as error:  # a file that is no checkpoint can raise anything
        reason = ' '.join(f'{type(error).__name__}: {error}'.split())[:600]
        raise ValueError(
            f'{checkpoint} cannot be loaded into the network; give a '
            f'checkpoint of this config. {reason}'
        ) from error
    return model.to(device), loaded.get('meta') or {}


def strip_pretrained(cfg: Any) -> Any:
    """Return a config of a model, or a part of one, that starts from no checkpoint."""
    if isinstance(cfg, (list, tuple)):
        kept = (strip_pretrained(x) for x in cfg if not _is_pretrained(x))
        return type(cfg)(kept)
    if not isinstance(cfg, dict):
        return cfg
    cfg = {
        name: strip_pretrained(value)
        for name, value in cfg.items()
        if name != 'pretrained_branches' and not _is_pretrained(value)
    }
    if 'pretrained' in cfg:
        cfg['pretrained'] = False if cfg['pretrained'] is True else None
    return cfg


def _is_pretrained(cfg: Any) -> bool:
    return isinstance(cfg, dict) and cfg.get('type') == 'Pretrained'


def class_names(cfg: Config, meta: dict, count: int) -> List[str]:
    """Return the names of the classes: of the checkpoint, the config, or numbers.

    Args:
        cfg: config of the network.
        meta: of the checkpoint.
        count: how many classes the network tells apart; other names do not fit.
    """
    fitting = (names for names in known_names(cfg, meta) if len(names) == count)
    return next(fitting, [f'class {index}' for index in range(count)])


def known_names(cfg: Config, meta: dict) -> List[List[str]]:
    """Return every list of class names that is known, the most trusted first.

    Args:
        cfg: config; its test set may name the classes, or its kind of data set.
        meta: of the checkpoint, which knows the classes it was trained on.
    """
    dataset = test_dataset(cfg)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        kind = DATASETS.get(dataset['type']) if 'type' in dataset else None
    listed = dataset.get('classes')
    known = (
        (meta.get('dataset_meta') or {}).get('classes'),
        meta.get('CLASSES'),
        (dataset.get('metainfo') or {}).get('classes'),
        mmengine.list_from_file(listed) if isinstance(listed, str) else listed,
        getattr(kind, 'METAINFO', {}).get('classes'),
    )
    return [[str(name) for name in names] for names in known if names]


def test_dataset(cfg: Config) -> dict:
    """Return the config of the test set, empty without any.

    Wrappers, such as `RepeatDataset`, are opened.
    """
    dataset = (cfg.get('test_dataloader') or {}).get('dataset') or {}
    while 'pipeline' not in dataset and isinstance(dataset.get('dataset'), dict):
        dataset = dataset['dataset']
    return dataset
