"""The config of a run as a report shows it: in short, as a whole, without paths."""

import re
from pathlib import Path
from typing import Any, Dict, List, NamedTuple

from mmadf.engine.config_changes import config_changes
from mmadf.engine.config_text import parse_config

# A string in Python, and what makes it an absolute path.
STRING = re.compile(r"""(['"])((?:\\.|(?!\1)[^\\\n])*)\1""")
ABSOLUTE = re.compile(r'file:|[~/]|\\\\|[A-Za-z]:[\\/]')
# The folders of an absolute path in a longer text.
FOLDERS = re.compile(r'(?<![\w:/.*~…-])/(?:[^/\s\'"]+/)+')
# What stands before the fields of a config, or is of no interest.
UNNAMED = {'type', '_scope_'}
# Fields of a model that a summary leaves out.
TECHNICAL = {*UNNAMED, 'data_preprocessor', 'train_cfg'}
# What train.py adds to the data loaders of a config.
ADDED = re.compile(r'\w+_dataloader\.(collate_fn|persistent_workers|pin_memory)\b')


class Configuration(NamedTuple):
    """The config of a run: its text, its fields, and how a config file differs."""

    text: str
    fields: Dict[str, Any]
    changes: List[str]


def read_configuration(work_dir: Path, given: str) -> Configuration:
    """Read the config that MMEngine wrote at the last start of a run.

    Args:
        work_dir: work directory of the run, with a log, see `read_log`.
        given: text of the config file, which is used if the run has none.

    Raises:
        ValueError: the file is not a config. It is never executed.
    """
    path = max(work_dir.glob('*/vis_data/scalars.json')).with_name('config.py')
    text = path.read_text(errors='replace') if path.is_file() else given
    try:
        changes = [x for x in config_changes(text, given) if not ADDED.match(x)]
        return Configuration(text, parse_config(text), changes)
    except ValueError as error:
        raise ValueError(f'{path}: {error}') from error


def hide_paths(text: str) -> str:
    """Return the text of a config in which absolute paths have no folders.

    Args:
        text: Python text. A string that is an absolute path, of any system, becomes
            '…/name'; so do those within longer strings.
    """
    return FOLDERS.sub('…/', STRING.sub(_hide, text))


def _hide(match: re.Match) -> str:
    quote, value = match.groups()
    if ABSOLUTE.match(value):
        value = '…/' + re.split(r'[\\/]', value.rstrip('\\/'))[-1]
    return f'{quote}{value}{quote}'


def brief(value: Any) -> str:
    """Return a config in one line, with its type as if it were called.

    Args:
        value: dict, list, or any other value of a config.
    """
    if isinstance(value, dict):
        fields = (f'{k}={brief(v)}' for k, v in value.items() if k not in UNNAMED)
        inner, name = ', '.join(fields), str(value.get('type', ''))
        return f'{name}({inner})' if inner or not name else name
    if isinstance(value, (list, tuple)):
        return f'[{", ".join(map(brief, value))}]'
    return repr(value)


def summary(cfg: Dict[str, Any], seed: Any) -> Dict[str, str]:
    """Return what matters most in the config of a run, by name, without paths.

    Args:
        cfg: see `mmadf.engine.config_text.parse_config`.
        seed: of the run, from its checkpoint; None if it is unknown.
    """
    model, loader = cfg.get('model') or {}, cfg.get('train_dataloader') or {}
    dataset = dict(loader.get('dataset') or {})
    pipeline = dataset.pop('pipeline', [])
    hooks = cfg.get('default_hooks') or {}
    fields = {
        'network': {'type': model['type']} if 'type' in model else None,
        **{name: part for name, part in model.items() if name not in TECHNICAL},
        'training set': dataset,
        'pipeline': pipeline,
        'batch augmentation': (model.get('train_cfg') or {}).get('augments'),
        'batch size per process': loader.get('batch_size'),
        'optimizer': cfg.get('optim_wrapper'),
        'learning rate schedule': cfg.get('param_scheduler'),
        'length': cfg.get('train_cfg'),
        'hooks': [*(cfg.get('custom_hooks') or []), *_ema(hooks)],
        'started from': None if cfg.get('resume') else cfg.get('load_from'),
        'seed': seed,
    }
    shown = {k: v for k, v in fields.items() if v not in (None, [], {})}
    return {name: hide_paths(brief(value)) for name, value in shown.items()}


def _ema(hooks: Dict[str, Any]) -> List[dict]:
    """Return the hook of an exponential moving average among the default hooks."""
    return [hook for hook in hooks.values() if 'EMA' in str((hook or {}).get('type'))]
