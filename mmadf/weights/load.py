"""Loading of a trained network, its class names and its test set."""

import os
from copy import deepcopy
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Iterator, List, Optional, Tuple, Union

import mmengine
import mmpretrain
from mmengine.config import Config
from mmengine.config.lazy import LazyAttr, LazyObject
from mmengine.registry import DefaultScope
from mmpretrain.apis.model import ModelHub
from mmpretrain.registry import DATASETS
from torch import nn

import mmadf  # noqa: F401  registers components
from mmadf.utils.types import type_name

from .checkpoint import read_checkpoint
from .exact import load_exactly
from .folder import is_folder, read_folder_config

# Arguments that name weights to start from, besides `pretrained`.
PRETRAINED = 'pretrained_branches', 'checkpoint_path'


def read_config(config: str) -> Config:
    """Read the config of a network.

    Args:
        config: path of a config file or of a model folder, `mmadf::<path>` or
            `mmpretrain::<path>` of a file in a package, or a name in
            `mmpretrain.list_models()`.

    Raises:
        FileNotFoundError: if the file does not exist.
        ValueError: if the name is unknown or the file is not the config of a network.
    """
    if is_folder(config):
        return read_folder_config(config)
    if Path(config).suffix not in ('.py', '.json', '.yml', '.yaml'):
        return deepcopy(ModelHub.get(config).config)
    cfg = read_config_file(config)
    if not isinstance(cfg.get('model'), dict):
        raise ValueError(
            f'config={config!r} has no `model`; give the config of a network.'
        )
    return cfg


def read_config_file(config: Union[str, Path]) -> Config:
    """Read a config file, of a network or of anything else.

    Types that MMEngine's pure Python style gives as classes become their names, as in a
    config that MMEngine writes.

    Args:
        config: path of the file, or `<package>::<path>` of one in a package.

    Raises:
        FileNotFoundError: if the file does not exist.
        ValueError: if the package is not installed or the file cannot be read as a
            config.
    """
    path = config_path(config)
    if not path.is_file():
        raise FileNotFoundError(f'config={str(config)!r} does not exist.')
    try:
        cfg = Config.fromfile(path)
        for value in cfg.values():
            _name_types(value)
        return cfg
    except Exception as error:  # raised by the code in the file
        raise ValueError(
            f'config={str(config)!r} cannot be read as a config: '
            f'{type(error).__name__}: {error}'
        ) from error


def _name_types(value: Any) -> None:
    """Replace each `type` that is a class by its dotted name, in place."""
    if isinstance(value, (list, tuple)):
        for item in value:
            _name_types(item)
    elif isinstance(value, dict):
        for name, item in dict.items(value):  # not imported, as those of ConfigDict are
            if name == 'type' and isinstance(item, (LazyAttr, LazyObject)):
                value[name] = f'{item.module}.{item}'
            else:
                _name_types(item)


def config_path(config: Union[str, Path], folder: Path = Path()) -> Path:
    """Return the path of a config file.

    Args:
        config: path of the file, or `<package>::<path>` of one in a package.
        folder: folder that relative paths start from.

    Raises:
        ValueError: if the package is not installed.
    """
    package, separator, path = str(config).rpartition('::')
    if not separator:
        return folder / config
    spec = find_spec(package) if package.isidentifier() else None
    if spec is None or not spec.origin:
        raise ValueError(
            f'config={str(config)!r}: {package!r} is not an installed package; use '
            'mmadf:: or mmpretrain::, or the path of a file.'
        )
    return Path(spec.origin).parent / '.mim' / 'configs' / path


def load_network(
    cfg: Config,
    checkpoint: Union[str, Path],
    device: str = 'cpu',
    allow_partial: bool = False,
) -> Tuple[nn.Module, dict]:
    """Build a network in evaluation mode with exactly the weights of a checkpoint.

    Args:
        cfg: config of the network, see `read_config`. Its pretrained weights are not
            read, since the checkpoint replaces them.
        checkpoint: path or URL, see `read_checkpoint`.
        device: device of the network.
        allow_partial: whether to warn of tensors that are missing, unexpected or of
            another shape instead of raising.

    Returns:
        The network and the `meta` of the checkpoint.

    Raises:
        FileNotFoundError: if the file does not exist.
        ValueError: if the file is not a checkpoint, or not of this network.
    """
    model = build_network(cfg)
    weights, meta = read_checkpoint(str(checkpoint))
    load_exactly(model, weights, str(checkpoint), allow_partial)
    model._dataset_meta = meta.get('dataset_meta') or model._dataset_meta
    return model.to(device), meta


def build_network(cfg: Config) -> nn.Module:
    """Build a network in evaluation mode without its pretrained weights.

    Args:
        cfg: config of the network, see `read_config`.
    """
    cfg = cfg.copy()
    cfg.model = strip_pretrained(cfg.model.to_dict())
    if cfg.get('default_scope') not in (None, 'mmpretrain'):  # a segmentor, for example
        cfg.model.setdefault('_scope_', cfg.default_scope)
    return mmpretrain.get_model(cfg)


def strip_pretrained(cfg: Any) -> Any:
    """Return the config of a model, or of a part of it, without pretrained weights."""
    if isinstance(cfg, (list, tuple)):
        kept = (strip_pretrained(x) for x in cfg if not _is_pretrained(x))
        return type(cfg)(kept)
    if not isinstance(cfg, dict):
        return cfg
    cfg = {
        name: strip_pretrained(value)
        for name, value in cfg.items()
        if name not in PRETRAINED and not _is_pretrained(value)
    }
    if 'pretrained' in cfg:
        cfg['pretrained'] = False if cfg['pretrained'] is True else None
    return cfg


def is_pretrained(cfg: Any) -> bool:
    """Return whether the config of a model, or of a part of it, names weights."""
    if isinstance(cfg, (list, tuple)):
        return any(map(is_pretrained, cfg))
    if not isinstance(cfg, dict):
        return False
    named = any(cfg.get(name) for name in ('pretrained', *PRETRAINED))
    return named or _is_pretrained(cfg) or any(map(is_pretrained, cfg.values()))


def _is_pretrained(cfg: Any) -> bool:
    names = 'Pretrained', 'PretrainedInit'  # of one class
    return isinstance(cfg, dict) and type_name(cfg.get('type')) in names


def class_names(cfg: Config, meta: dict, count: int) -> List[str]:
    """Return class names from the checkpoint or the config, or else numbered ones.

    Args:
        cfg: config of the network.
        meta: `meta` of the checkpoint.
        count: number of classes of the network; lists of another length are skipped.
    """
    fitting = fitting_names(cfg, meta, count)
    return fitting or [f'class {index}' for index in range(count)]


def fitting_names(cfg: Config, meta: dict, count: int) -> Optional[List[str]]:
    """Return the most reliable list of class names of a length, None without any.

    Args:
        cfg: see `known_names`.
        meta: see `known_names`.
        count: number of classes of the network.
    """
    known = known_names(cfg, meta)
    return next((names for names in known if len(names) == count), None)


def known_names(cfg: Config, meta: dict) -> Iterator[List[str]]:
    """Yield all known lists of class names, the most reliable first.

    A file that a config names is read when its turn comes.

    Args:
        cfg: config; its test set, or the type of its test set, may name the classes.
        meta: `meta` of the checkpoint, which may name the classes of the training.
    """
    dataset = test_dataset(cfg)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        kind = DATASETS.get(dataset['type']) if 'type' in dataset else None
    known = (
        (meta.get('dataset_meta') or {}).get('classes'),
        meta.get('CLASSES'),
        (dataset.get('metainfo') or {}).get('classes'),
        dataset.get('classes'),
        getattr(kind, 'METAINFO', {}).get('classes'),
    )
    for names in known:
        if isinstance(names, str):  # of a file with a name in each line
            names = mmengine.list_from_file(os.path.expanduser(names))
        if names:
            yield [str(name) for name in names]


def test_dataset(cfg: Config) -> dict:
    """Return the config of the test set, the first one of several, {} without any.

    Wrappers such as `RepeatDataset` are removed.
    """
    dataset = (cfg.get('test_dataloader') or {}).get('dataset') or {}
    return next(inner_configs(dataset))[1]


def inner_configs(dataset: dict, field: str = '') -> Iterator[Tuple[str, dict]]:
    """Yield name and config of the data sets inside wrappers, or of a data set itself.

    Args:
        dataset: config of a data set, or of a wrapper such as RepeatDataset or
            ConcatDataset.
        field: its dotted name, which the names begin with.
    """
    parts = {'dataset': dataset.get('dataset')}
    for index, part in enumerate(dataset.get('datasets') or ()):
        parts[f'datasets.{index}'] = part
    inner = {name: part for name, part in parts.items() if isinstance(part, dict)}
    if not inner:
        yield field, dataset
    for name, part in inner.items():
        yield from inner_configs(part, f'{field}.{name}')
