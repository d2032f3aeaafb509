"""A trained classifier from its files, and the names of its classes."""

from copy import deepcopy
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, List, Optional, Tuple

import mmengine
import mmpretrain
from mmengine.config import Config
from mmengine.runner import load_checkpoint
from mmpretrain.apis.model import ModelHub
from mmpretrain.registry import DATASETS
from torch import nn

import mmadf  # noqa: F401  registers


def check_files(checkpoint: str, out: Path, suffix: str) -> None:
    """Find out before the work whether it can be read and written.

    Args:
        checkpoint: path, or an address that MMEngine's loader knows.
        out: file to write.
        suffix: what its name must end with.

    Raises:
        FileNotFoundError: the checkpoint, or the folder of `out`, is not there.
        ValueError: `out` is no name of such a file.
    """
    if '://' not in str(checkpoint) and not Path(checkpoint).is_file():
        raise FileNotFoundError(f'there is no checkpoint {checkpoint}.')
    if out.suffix != suffix or out.is_dir():
        raise ValueError(f'out={out} must be the name of a file, *{suffix}.')
    if not out.parent.is_dir():
        raise FileNotFoundError(
            f'there is no folder {out.parent} for {out.name}; create it.'
        )


def read_config(config: str) -> Config:
    """Return the config of a file, or of a name of `mmpretrain.list_models`.

    Raises:
        FileNotFoundError: a config file that is not there.
        ValueError: an unknown name.
    """
    if Path(config).suffix != '.py':
        return deepcopy(ModelHub.get(config).config)
    if not Path(config).is_file():
        raise FileNotFoundError(f'there is no config file {config}.')
    return Config.fromfile(config)


def load_classifier(cfg: Config, checkpoint: str) -> Tuple[nn.Module, dict]:
    """Build a classifier in evaluation mode with exactly the weights of a file.

    Args:
        cfg: config of the network. Weights that it would start from are not
            read, since the checkpoint replaces them.
        checkpoint: path, or an address that MMEngine's loader knows.

    Returns:
        The classifier, on the CPU, and the `meta` of the checkpoint.

    Raises:
        ValueError: the file is no checkpoint, or not of this network.
    """
    cfg = cfg.copy()
    cfg.model = without_start(cfg.model.to_dict())
    model = mmpretrain.get_model(cfg)
    try:
        loaded = load_checkpoint(
            *(model, checkpoint), map_location='cpu', strict=True, logger='silent'
        )
    except (RuntimeError, UnpicklingError, EOFError) as error:
        reason = ' '.join(str(error).split())[:600]
        raise ValueError(
            f'{checkpoint} cannot be loaded into the network; give a '
            f'checkpoint of this config. {reason}'
        ) from error
    return model, loaded.get('meta') or {}


def without_start(cfg: Any) -> Any:
    """Return a config of a model, or a part of one, that starts from no checkpoint."""
    if isinstance(cfg, (list, tuple)):
        kept = (without_start(x) for x in cfg if not _is_pretrained(x))
        return type(cfg)(kept)
    if not isinstance(cfg, dict):
        return cfg
    cfg = {
        name: without_start(value)
        for name, value in cfg.items()
        if name != 'pretrained_branches' and not _is_pretrained(value)
    }
    if 'pretrained' in cfg:
        cfg['pretrained'] = False if cfg['pretrained'] is True else None
    return cfg


def _is_pretrained(cfg: Any) -> bool:
    return isinstance(cfg, dict) and cfg.get('type') == 'Pretrained'


def class_names(cfg: Config, meta: dict) -> Optional[List[str]]:
    """Return the names of the classes, None where they are not known.

    Args:
        cfg: config; its test set is asked where the checkpoint names none.
        meta: of the checkpoint, which knows the classes it was trained on.
    """
    dataset = test_dataset(cfg)
    kind = DATASETS.get(dataset['type']) if 'type' in dataset else None
    listed = dataset.get('classes')
    known = (
        (meta.get('dataset_meta') or {}).get('classes'),
        meta.get('CLASSES'),
        (dataset.get('metainfo') or {}).get('classes'),
        mmengine.list_from_file(listed) if isinstance(listed, str) else listed,
        getattr(kind, 'METAINFO', {}).get('classes'),
    )
    names = next((names for names in known if names), None)
    return None if names is None else [str(name) for name in names]


def test_dataset(cfg: Config) -> dict:
    """Return the config of the test set, empty without any.

    Wrappers, such as `RepeatDataset`, are opened.
    """
    dataset = (cfg.get('test_dataloader') or {}).get('dataset') or {}
    while 'pipeline' not in dataset and isinstance(dataset.get('dataset'), dict):
        dataset = dataset['dataset']
    return dataset
