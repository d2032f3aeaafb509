"""What identifies a run on every machine: its config, its seed and its images."""

import hashlib
import json
import os
from copy import deepcopy
from typing import Any, Dict, Iterator, Sequence

from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpretrain.registry import DATASETS

from mmadf.engine.config_changes import LOCATIONS

DIGITS = 16


def describe_run(
    cfg: Config, splits: Sequence[str], known: Dict[str, Dict[str, object]]
) -> Dict[str, object]:
    """Return what identifies a run and does not depend on the machine.

    Args:
        cfg: training config of the run.
        splits: parts of the data, e.g. 'train'.
        known: descriptions of datasets by their config, to which new ones are added.

    Returns:
        `seed`; `config`, without the seed and the locations of the datasets;
        `config_hash`; and `data`, which has for each split the number of its `images`
        and their `hash`.
    """
    config = cfg.to_dict()
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
    dataset: Dict[str, object], known: Dict[str, Dict[str, object]]
) -> Dict[str, object]:
    """Return the number of images of a dataset, and their hash.

    The hash covers, in the order of the dataset, the label of each image, its path
    within the dataset and its size in bytes. For a dataset that keeps its images in
    memory, such as CIFAR, it covers the pixels.
    """
    dataset = deepcopy(dict(dataset))
    if 'pipeline' in dataset:
        dataset['pipeline'] = []
    key = json.dumps(dataset, sort_keys=True, default=str)
    if key not in known:
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            images = DATASETS.build(dataset)
        root = dataset.get('data_root') or '.'
        known[key] = dict(images=len(images), hash=_digest(_lines(images, root)))
    return known[key]


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


def _digest(texts: Iterator[str]) -> str:
    content = hashlib.sha256()
    for text in texts:
        content.update(text.encode())
    return content.hexdigest()[:DIGITS]
