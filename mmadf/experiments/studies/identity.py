"""What identifies a run on every machine: config, seed, images and initial weights."""

import hashlib
import json
import os
from copy import deepcopy
from pathlib import Path
from typing import Any, Dict, Iterator, Sequence

from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.registry import DefaultScope
from mmpretrain.registry import DATASETS

from mmadf.engine.config_changes import LOCATIONS
from mmadf.weights.folder import WEIGHTS as MODEL_FOLDER_WEIGHTS

# Fields whose text is the path or URL of weights to start from, at any depth.
WEIGHTS = (
    *('checkpoint', 'appearance_checkpoint', 'checkpoint_path', 'pretrained'),
    'load_from',
)
DIGITS = 16


def describe_run(
    cfg: Config, splits: Sequence[str], known: Dict[str, object]
) -> Dict[str, object]:
    """Return what identifies a run and does not depend on the machine.

    Args:
        cfg: training config of the run.
        splits: parts of the data, e.g. 'train'.
        known: descriptions of datasets by their config, and hashes of weights by their
            path, to which new ones are added.

    Returns:
        `seed`; `config`, without the seed and the locations of the datasets, and with
        the hash of each local file of weights in place of its path; `config_hash`; and
        `data`, which has for each split the number of its `images` and their `hash`.

    Raises:
        FileNotFoundError: a local file of weights does not exist.
    """
    config = _with_hashed_weights(cfg.to_dict(), known)
    seed = (config.get('randomness') or {}).pop('seed', None)
    data = {}
    for split in splits:
        loader = f'{split}_dataloader'
        data[split] = _describe_images(cfg[loader].dataset, known)
        config[loader]['dataset'] = _without_locations(config[loader]['dataset'])
    text = json.dumps(config, sort_keys=True, default=str)
    return dict(
        seed=seed, config_hash=_digest([text]), data=data, config=json.loads(text)
    )


def _describe_images(
    dataset: Dict[str, object], known: Dict[str, object]
) -> Dict[str, object]:
    """Return the number of images of a dataset, and their hash.

    The hash covers, in the order of the dataset, the label of each image, its path
    within the dataset and its size in bytes. For a dataset that keeps its images in
    memory, such as CIFAR, it covers the pixels.
    """
    key = json.dumps(_without_pipeline(dataset), sort_keys=True, default=str)
    if key not in known:
        images = build_images(dataset)
        root = dataset.get('data_root') or '.'
        known[key] = dict(images=len(images), hash=_digest(_lines(images, root)))
    return known[key]


def build_images(dataset: Dict[str, object]) -> BaseDataset:
    """Build a dataset without its pipeline, from its config."""
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return DATASETS.build(_without_pipeline(dataset))


def _without_pipeline(dataset: Dict[str, object]) -> Dict[str, object]:
    dataset = deepcopy(dict(dataset))
    if 'pipeline' in dataset:
        dataset['pipeline'] = []
    return dataset


def _lines(dataset: Any, root: str) -> Iterator[str]:
    """Return a line for each image of a dataset."""
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        if 'img_path' in info:
            path = info['img_path']
            name = os.path.relpath(path, root), os.path.getsize(path)
        else:
            name = hashlib.sha256(info['img'].tobytes()).hexdigest()
        yield f'{name} {info.get("gt_label")}\n'


def _without_locations(node: Any) -> Any:
    """Return a copy of the config of a dataset, also of a wrapped one."""
    if isinstance(node, dict):
        items = node.items()
        return {k: _without_locations(v) for k, v in items if k not in LOCATIONS}
    return [*map(_without_locations, node)] if isinstance(node, list) else node


def _with_hashed_weights(node: Any, known: Dict[str, object]) -> Any:
    """Return a copy of a config with the hash of each local file of weights."""
    if isinstance(node, (list, tuple)):
        return [_with_hashed_weights(value, known) for value in node]
    if not isinstance(node, dict):
        return node
    return {
        name: _hash_weights(name, value, known)
        if name in WEIGHTS and isinstance(value, str)
        else _with_hashed_weights(value, known)
        for name, value in node.items()
    }


def _hash_weights(field: str, path: str, known: Dict[str, object]) -> str:
    """Return the hash of weights on the disk; of others, the address itself."""
    if not path or '://' in path:
        return path
    if path not in known:
        file = Path(path).expanduser()
        file = file / MODEL_FOLDER_WEIGHTS if file.is_dir() else file
        if not file.is_file():
            raise FileNotFoundError(
                f'{field}={path!r} does not exist (relative to {os.getcwd()!r}); a run '
                'is identified by the content of its initial weights: put the file '
                'there, or set another path.'
            )
        with open(file, 'rb') as content:
            digest = hashlib.file_digest(content, 'sha256').hexdigest()
        known[path] = f'sha256:{digest[:DIGITS]}'
    return known[path]


def _digest(texts: Iterator[str]) -> str:
    content = hashlib.sha256()
    for text in texts:
        content.update(text.encode())
    return content.hexdigest()[:DIGITS]
