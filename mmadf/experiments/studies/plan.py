"""Turns the config of a study into one training config per run."""

import fcntl
import json
import re
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Dict, List, Optional

from mmengine.config import Config

from mmadf.engine.config import check_config, merge_options
from mmadf.utils.command_line import check_writable
from mmadf.weights.load import config_path, read_config, read_config_file

from .identity import describe_run
from .records import is_recorded
from .run import Run, record_path
from .split import write_once, write_split

REQUIRED = ('variants', 'control', 'seeds')
FIELDS = (*REQUIRED, 'data', 'options', 'metric', 'work_dir', 'records')
DATA_FIELDS = dict(
    root=str, train=str, test=str, val_fraction=float, split_seed=int, per_class=int
)
SPLITS = ('train', 'val', 'test')
# Folders beside those of the variants.
OWN_FOLDERS = ('configs', 'split', 'slurm')

# The runs of a study share few configs.
_read_config = lru_cache(maxsize=None)(read_config)


def load_study(path: Path, options: Optional[dict] = None) -> Config:
    """Read and check the config of a study; `docs/studies.md` describes its fields.

    Args:
        path: config file of the study.
        options: overrides by dotted key, e.g. `{'data.root': 'my/images'}`.

    Returns:
        The study, with default values filled in and absolute paths of configs; and with
        `suffix`, which files of the report have if `options` change the control.

    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: the file is not a config, or a field is unknown, missing or invalid.
        OSError: `work_dir` or `records` cannot be written.
    """
    path = config_path(path)
    study = read_config_file(path)
    own_control = study.get('control')
    study.merge_from_dict(options or {})
    _check_fields(study, path)
    study.variants = {k: v for k, v in study.variants.items() if v is not None}
    _check_variants(study.variants, study.control)
    # The report against another control stands beside that of the study.
    compared = study.control != own_control
    study.suffix = f'_to_{study.control}' if compared else ''
    study.setdefault('metric', 'accuracy/top1')
    study.setdefault('work_dir', f'work_dirs/{path.stem}')
    study.setdefault('records', _default_records(path, study.work_dir))
    for folder in (study.work_dir, study.records):
        check_writable(Path(folder))
    for variant in study.variants.values():
        variant.config = str(config_path(variant.config, path.parent).resolve())
    return study


def write_runs(study: Config) -> List[Run]:
    """Write the config of every run and the lists of training and validation images.

    Args:
        study: see `load_study`.

    Returns:
        The runs: all variants with the first seed, then all with the second, ...

    Raises:
        ValueError: the configs are invalid, or a run exists or is recorded with other
            settings or images.
        FileNotFoundError: a data folder or a config does not exist.
    """
    root, records = Path(study.work_dir), Path(study.records)
    root.mkdir(parents=True, exist_ok=True)
    runs, known = [], {}
    with open(root / '.lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # other processes may be starting the study
        data = _data_options(study.data, root) if study.get('data') else {}
        for seed in study.seeds:
            for name in study.variants:
                config = root / OWN_FOLDERS[0] / f'{name}_seed{seed}.py'
                record = record_path(records, name, seed)
                run = Run(name, seed, root / name / f'seed{seed}', config, record)
                cfg = run_config(study, name, seed, data)
                check_config(cfg, SPLITS)
                _write_settings(cfg, run, describe_run(cfg, SPLITS, known))
                runs.append(run)
    return runs


def run_config(
    study: Config, variant: str, seed: int, data: Optional[dict] = None
) -> Config:
    """Return the config of one run.

    Args:
        study: see `load_study`.
        variant: name of a variant.
        seed: random seed of the run.
        data: options that set the data folders and annotation files.

    Raises:
        FileNotFoundError: the config of the variant does not exist.
        ValueError: the config cannot be read, or an option does not apply to it.
    """
    fields = study.variants[variant]
    cfg = deepcopy(_read_config(fields.config))
    seeded = {'randomness.seed': seed}
    try:
        for options in (study.get('options'), data, fields.get('options'), seeded):
            merge_options(cfg, options)
    except KeyError as error:  # MMEngine's, for the index of a list
        raise ValueError(f'variant {variant!r}: options: {error.args[0]}') from error
    return cfg


def _default_records(path: Path, work_dir: str) -> str:
    """Return `docs/results/<study>` for a study of a checkout, otherwise `work_dir`."""
    folder = path.resolve().parent
    docs = folder.parents[1] / 'docs'
    in_checkout = folder.parts[-2:] == ('configs', 'studies') and docs.is_dir()
    return str(docs / 'results' / path.stem) if in_checkout else work_dir


def _check_fields(study: Config, path: Path) -> None:
    own = {name for name in study if not name.startswith('_')}
    unknown, missing = sorted(own - set(FIELDS)), sorted(set(REQUIRED) - own)
    if unknown or missing:
        raise ValueError(
            f'{path}: unknown fields {unknown}, missing fields {missing}; allowed are '
            f'{list(FIELDS)}, of which {list(REQUIRED)} are required.'
        )
    for name, kind in dict(work_dir=str, records=str, metric=str, options=dict).items():
        if not isinstance(value := study.get(name, kind()), kind):
            raise ValueError(f'{name}={value!r} must be of type {kind.__name__}.')
    if not isinstance(study.variants, dict):
        raise ValueError(f'variants={study.variants!r} must be a dict of dicts.')
    seeds = study.seeds if isinstance(study.seeds, (list, tuple)) else ()
    if not seeds or {type(s) for s in seeds} != {int} or len(set(seeds)) < len(seeds):
        raise ValueError(
            f'seeds={study.seeds} must be a list of distinct integers, e.g. (0, 1, 2).'
        )


def _check_variants(variants: dict, control: str) -> None:
    bad = [name for name in variants if name in OWN_FOLDERS or not _is_name(name)]
    if bad:
        raise ValueError(
            f'variants={bad}: the names are also folder names; use only letters, '
            f'digits and _ . + -, no . at the start, and none of {list(OWN_FOLDERS)}.'
        )
    if control not in variants:
        raise ValueError(
            f'control={control!r} must be one of the variants {list(variants)}.'
        )
    for name, variant in variants.items():
        fields = sorted(variant) if isinstance(variant, dict) else variant
        if fields not in (['config'], ['config', 'options']):
            raise ValueError(
                f"variant {name!r} has {fields}; 'config' is required, 'options' is "
                'optional, and nothing else is allowed.'
            )
        if not isinstance(variant.config, str):
            raise ValueError(
                f'variant {name!r}: config={variant.config!r} must be a path.'
            )


def _is_name(name: object) -> bool:
    return isinstance(name, str) and bool(re.fullmatch(r'[\w+-][\w.+-]*', name))


def _data_options(data: Dict[str, object], root: Path) -> dict:
    """Return the options that point the datasets of a config to an image folder."""
    if not isinstance(data, dict) or 'root' not in data or set(data) - set(DATA_FIELDS):
        raise ValueError(
            f"data={data!r} must be a dict with 'root'; the allowed fields are "
            f'{sorted(DATA_FIELDS)}.'
        )
    for name, value in data.items():
        if not isinstance(value, DATA_FIELDS[name]):
            kind = DATA_FIELDS[name].__name__
            raise ValueError(f'data.{name}={value!r} must be of type {kind}.')
    folder = Path(data['root']).resolve()
    train, test = (folder / data.get(name, name) for name in ('train', 'test'))
    fraction, seed = data.get('val_fraction', 0.1), data.get('split_seed', 0)
    split = write_split(
        train, root / OWN_FOLDERS[1], fraction, seed, data.get('per_class')
    )
    metainfo = dict(classes=split['classes'])
    datasets = {
        name: dict(data_root=str(train), ann_file=split[name], metainfo=metainfo)
        for name in ('train', 'val')
    }
    datasets['test'] = dict(data_root=str(test), metainfo=metainfo)
    return {f'{name}_dataloader.dataset': fields for name, fields in datasets.items()}


def _write_settings(cfg: Config, run: Run, settings: Dict[str, object]) -> None:
    is_recorded(run, settings)
    texts = {run.config: cfg.pretty_text, run.settings: json.dumps(settings)}
    for path, text in texts.items():
        if not write_once(path, text):
            raise ValueError(
                f'{run.work_dir} belongs to a run with other settings or images, see '
                f'{path}; choose another work_dir, or remove that folder and '
                f'{run.config.stem}.* in {run.config.parent}.'
            )
    run.work_dir.mkdir(parents=True, exist_ok=True)
