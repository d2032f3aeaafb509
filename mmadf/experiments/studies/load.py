"""Reads the config of a study and checks its fields."""

import re
from pathlib import Path
from typing import Optional

from mmengine.config import Config

from mmadf.utils.command_line import check_writable
from mmadf.weights.load import config_path, read_config_file

REQUIRED = ('variants', 'control', 'seeds')
FIELDS = (*REQUIRED, 'data', 'options', 'metric', 'work_dir', 'records')
# Folders beside those of the variants.
OWN_FOLDERS = CONFIGS, SPLIT, SLURM = ('configs', 'split', 'slurm')


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
