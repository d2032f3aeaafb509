"""The model card of a model folder."""

from html import escape
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional

from mmengine.config import Config
from torch import nn

from mmadf.analysis.cost import cost_by_part, total_cost
from mmadf.analysis.logs import read_log, validation_unit, validations
from mmadf.utils.types import type_name
from mmadf.weights.folder import CONFIG
from mmadf.weights.load import inner_configs, is_pretrained

from .probe import Probe

NO_LOG = 'Not known: there is no training log beside the checkpoint.'
LISTED = 20  # larger numbers of classes are summarised
TEMPLATE = """---
library_name: mmadf
pipeline_tag: image-classification
tags:
- image-classification
- mmadf
# To complete: https://huggingface.co/docs/hub/repositories-licenses
# license: apache-2.0
---

# {name}

{what}

Licence: (to complete, also above)

## Use

```python
import mmadf
from mmpretrain import ImageClassificationInferencer

network = mmadf.from_pretrained({name!r})  # this folder, or user/name on the Hub
result = ImageClassificationInferencer(network)('image.jpg')[0]
print(result['pred_class'], result['pred_score'])
```

The folder contains weights and plain data, and no code.

## Classes

{classes}

## Input and cost

{cost}

## Training

{training}

## Accuracy

{accuracy}
"""


class Origin(NamedTuple):
    """Where a network comes from.

    `cfg` is the config of the network as it is stored and `meta` that of its
    checkpoint. `training` is the config of its training and `log_dir` the folder that
    may have the log, both for the model card.
    """

    cfg: Config
    meta: dict
    training: Optional[Config] = None
    log_dir: Optional[Path] = None


def model_card(
    name: str,
    network: nn.Module,
    content: Dict[str, Any],
    origin: Origin,
    expected: Probe,
) -> str:
    """Return the model card of a network, in Markdown.

    Args:
        name: title of the card.
        network: the network.
        content: content of its `config.json`.
        origin: its checkpoint and training.
        expected: a batch of its input, see `probe`.
    """
    records = _log_records(origin.log_dir)
    return TEMPLATE.format(
        name=name,
        what=_what(network, content['model']),
        classes=_classes(content['classes']),
        cost=_cost(network, expected),
        training=_training(origin.training) if records else NO_LOG,
        accuracy=_accuracy(records, origin.meta) if records else NO_LOG,
    )


def _what(network: nn.Module, model: dict) -> str:
    """Describe the components of a network in one or two sentences."""
    slots = [s for s in ('backbone', 'neck', 'head') if isinstance(model.get(s), dict)]
    parts = [f'{slot} `{_variant(model[slot])}`' for slot in slots]
    text = f'An image classifier, `{_variant(model)}`'
    text += f', with {", ".join(parts)}.' if parts else '.'
    if getattr(network, 'deployed', False):
        text += (
            ' It is the deployed form: what the prediction does not need has been '
            'removed, and it cannot be trained further.'
        )
    return text


def _variant(part: dict) -> str:
    """Return the type of a component and the field that selects its size."""
    kind = type_name(part['type'])
    size = next((part[k] for k in ('model_name', 'arch', 'depth') if k in part), None)
    return kind if size is None or isinstance(size, dict) else f'{kind} {size}'


def _classes(classes: Optional[List[str]]) -> str:
    if not classes:
        return 'Not named.'
    listed = escape(' '.join(', '.join(classes[:LISTED]).split()))
    more = f' and {len(classes) - LISTED} more' if len(classes) > LISTED else ''
    return f'{len(classes)}: {listed}{more} (all in `{CONFIG}`).'


def _cost(network: nn.Module, expected: Probe) -> str:
    """Return image size, parameters and multiply-adds."""
    channels, height, width = expected.images.shape[1:]
    cost = total_cost(cost_by_part(network, (height, width), channels))
    parameters, work = cost.parameters / 1e6, cost.multiply_adds / 1e9
    example = ' (an example; the preprocessing sets no fixed size)'
    return (
        f'Images of {height} x {width} pixels'
        f'{"" if expected.has_fixed_size else example}. '
        f'{parameters:.2f} M parameters, {work:.2f} G multiply-adds per image.'
    )


def _training(cfg: Config) -> str:
    """Describe the training in a config as a list."""
    loader, loop = cfg.get('train_dataloader') or {}, cfg.get('train_cfg') or {}
    optimizer = (cfg.get('optim_wrapper') or {}).get('optimizer') or {}
    pretrained = is_pretrained(cfg.model) or cfg.get('load_from')
    datasets = inner_configs(loader.get('dataset') or {})
    facts = {
        'data set': ', '.join(dict.fromkeys(_data_set(part) for _, part in datasets)),
        'batch size per device': loader.get('batch_size'),
        'epochs': loop.get('max_epochs'),
        'iterations': loop.get('max_iters'),
        'optimizer': type_name(optimizer.get('type')),
        'learning rate': optimizer.get('lr'),
        'pretrained weights': 'yes' if pretrained else None,
    }
    lines = [f'- {name}: {fact}' for name, fact in facts.items() if fact]
    return '\n'.join(lines) or 'Not known.'


def _data_set(dataset: dict) -> str:
    """Return type and folder of a data set."""
    root = Path(dataset.get('data_root') or '').name
    return ' '.join(filter(None, [type_name(dataset.get('type')), root]))


def _log_records(log_dir: Optional[Path]) -> List[dict]:
    """Return the records of a training log, an empty list without it."""
    try:
        return read_log(log_dir) if log_dir else []
    except (FileNotFoundError, ValueError):
        return []


def _accuracy(records: List[dict], meta: dict) -> str:
    """Return the validation of a checkpoint in a training log, as a table.

    Args:
        records: the log.
        meta: `meta` of the checkpoint; its `epoch` and `iter` are those that had been
            completed when it was saved, and `batch` the batches of an epoch that a
            signal has interrupted.
    """
    unit = validation_unit(records)
    step = meta.get('epoch' if unit == 'epoch' else 'iter')
    validation = validations(records).get(step)
    if validation is None or meta.get('batch'):
        return 'Not known: the training log has no validation of this checkpoint.'
    rows = [
        f'| {key} | {value:.2f} |'
        for key, value in validation.items()
        if key not in ('step', 'time', 'data_time') and isinstance(value, (int, float))
    ]
    title = f'Validation after {unit} {step}, from the training log:'
    return '\n'.join([title, '', '| metric | value |', '|---|---|', *rows])
