"""Turns the config of a study into one training config per run."""

import json
from copy import deepcopy
from functools import lru_cache
from logging import WARNING
from pathlib import Path
from typing import Dict, List, Optional

from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.logging import print_log
from mmengine.registry import DefaultScope

from mmadf.engine.config import check_config, merge_options
from mmadf.engine.data_checks import check_all_classes
from mmadf.engine.reserve import files_of_runs
from mmadf.utils.command_line import INVALID
from mmadf.utils.files import atomic_write
from mmadf.utils.messages import one_line
from mmadf.weights.load import build_network, read_config

from .identity import build_images, describe_run
from .load import CONFIGS, SPLIT
from .records import is_recorded
from .run import Run, record_path
from .split import write_once, write_split

DATA_FIELDS = dict(
    root=str, train=str, test=str, val_fraction=float, split_seed=int, per_class=int
)
SPLITS = ('train', 'val', 'test')

# The runs of a study share few configs.
_read_config = lru_cache(maxsize=None)(read_config)


def write_runs(study: Config) -> List[Run]:
    """Write the config of every run and the lists of training and validation images.

    The folder of the study must be locked, see `locked_study`. The network and the data
    sets of each variant that has unfinished runs are built once. A warning is logged if
    the test images of a variant are its validation images.

    Args:
        study: see `load_study`.

    Returns:
        The runs: all variants with the first seed, then all with the second, ...

    Raises:
        ValueError: a config is invalid or its network cannot be built, it does not
            compute the metric of the study, the classes of its data sets and heads
            differ, the test images are the training images, or a run has been started
            or is recorded with other settings or images.
        FileNotFoundError: a data folder, a config or initial weights do not exist.
    """
    root, records = Path(study.work_dir), Path(study.records)
    data = _data_options(study.data, root) if study.get('data') else {}
    runs, known, built, not_held_out = [], {}, set(), set()
    for seed in study.seeds:
        for name in study.variants:
            config = root / CONFIGS / f'{name}_seed{seed}.py'
            record = record_path(records, name, seed)
            run = Run(name, seed, root / name / f'seed{seed}', config, record)
            cfg = run_config(study, name, seed, data)
            check_config(cfg, SPLITS)
            if name not in built and not record.exists():
                _check_metric(cfg, study.metric, name)
                _check_network(cfg, name)
                built.add(name)
            settings = describe_run(cfg, SPLITS, known)
            _write_settings(cfg, run, settings)
            if settings['data']['val'] == settings['data']['test']:
                not_held_out.add(name)
            runs.append(run)
    if not_held_out:
        print_log(
            f'The test images of {sorted(not_held_out)} are the validation images, '
            'which also select the checkpoints; the report says so. For a result, set '
            'data, with a folder of test images.',
            level=WARNING,
        )
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


def _data_options(data: Dict[str, object], root: Path) -> dict:
    """Return the options that point the datasets of a config to an image folder."""
    if not isinstance(data, dict) or 'root' not in data or set(data) - set(DATA_FIELDS):
        raise ValueError(
            f"data={data!r} must be a dict with 'root'; the allowed fields are "
            f'{sorted(DATA_FIELDS)}.'
        )
    search = data.get('test', '') is None  # on the images held out for validation
    for name, value in data.items():
        if not (isinstance(value, DATA_FIELDS[name]) or (search and name == 'test')):
            kind = DATA_FIELDS[name].__name__
            raise ValueError(f'data.{name}={value!r} must be of type {kind}.')
    train = Path(data['root']).resolve() / data.get('train', 'train')
    fraction, seed = data.get('val_fraction', 0.1), data.get('split_seed', 0)
    split = write_split(train, root / SPLIT, fraction, seed, data.get('per_class'))
    metainfo = dict(classes=split['classes'])
    datasets = {
        name: dict(data_root=str(train), ann_file=split[name], metainfo=metainfo)
        for name in ('train', 'val')
    }
    if search:
        datasets['test'] = datasets['val']
    else:
        test = _test_folder(data, train)
        datasets['test'] = dict(data_root=str(test), metainfo=metainfo)
    return {f'{name}_dataloader.dataset': fields for name, fields in datasets.items()}


def _test_folder(data: Dict[str, object], train: Path) -> Path:
    """Return the folder of test images, which must exist and not be `train`."""
    name = data.get('test', 'test')
    test = Path(data['root']).resolve() / name
    if train.resolve() == test.resolve():
        raise ValueError(
            f'data.test={name!r} is the folder of the training images, {train}; give '
            'another one, or None to test on the images held out for validation.'
        )
    if not test.is_dir():
        raise FileNotFoundError(
            f'{test} is not a folder; set data.test to the name of the folder of test '
            f'images in data.root={data["root"]!r}, e.g. data.test=val.'
        )
    return test


def _check_network(cfg: Config, variant: str) -> None:
    """Build the network of a variant, and compare its classes with those of the data.

    Both would fail at the start of its training, or of its test.
    """
    try:
        network = build_network(cfg)
    except INVALID as error:
        raise ValueError(
            f'the network of variant {variant!r} cannot be built: {one_line(error)}'
        ) from error
    images = {s: build_images(cfg[f'{s}_dataloader'].dataset) for s in SPLITS}
    try:
        check_all_classes(network, images)
    except ValueError as error:
        raise ValueError(
            f'variant {variant!r}: {error} In a study, `options` sets a field of all '
            'variants.'
        ) from error


def _check_metric(cfg: Config, metric: str, variant: str) -> None:
    """Require that validation and test compute metrics of this prefix."""
    for name in ('val_evaluator', 'test_evaluator'):
        if 'metrics' in cfg[name]:
            continue  # an evaluator of another type, which may have names of its own
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            prefixes = [part.prefix for part in Evaluator(cfg[name]).metrics]
        if None not in prefixes and metric.split('/')[0] not in prefixes:
            raise ValueError(
                f'variant {variant!r}: metric={metric!r} is not computed by its '
                f'{name}, whose metrics start with {prefixes}.'
            )


def _write_settings(cfg: Config, run: Run, settings: Dict[str, object]) -> None:
    is_recorded(run, settings)
    text = json.dumps(settings)
    if not write_once(run.settings, text):
        if run.job.exists() or run.result.exists() or files_of_runs(run.work_dir):
            raise ValueError(
                f'{run.work_dir} belongs to a run with other settings or images, see '
                f'{run.settings}; restore them, choose another work_dir, or remove '
                'that folder to train the run anew.'
            )
        atomic_write(run.settings, text.encode())  # nothing has been trained with them
    if not write_once(run.config, cfg.pretty_text):  # moved data, or corrected
        atomic_write(run.config, cfg.pretty_text.encode())
    run.work_dir.mkdir(parents=True, exist_ok=True)
