"""From a study's config to the config of each of its runs."""

import re
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional

from mmengine.config import Config

from mmadf.engine.config import merge_options

from .split import write_split

FIELDS = ('variants', 'control', 'seeds', 'data', 'options', 'metric', 'work_dir')


class Run(NamedTuple):
    """One network to train: its variant, its seed, its folder and its config.

    The config is not in the folder, where MMEngine writes what it made of it.
    """

    variant: str
    seed: int
    work_dir: Path
    config: Path

    @property
    def result(self) -> Path:
        """What the test set gave; a run that has it is finished."""
        return self.work_dir / 'test.json'


def load_study(path: Path, options: Optional[dict] = None) -> Config:
    """Read a study.

    Its fields: `variants`, by name a dict of `config`, a file as seen from the study's,
    and `options`, merged into it; `control`, the variant that the others are compared
    with; `seeds`. Where wanted: `options` for all variants; `data`: `root` with the
    folders `train` and `test`, and `val_fraction` of the training images (0.1) that is
    held out for choosing checkpoints, by `split_seed` (0); `metric` ('accuracy/top1');
    `work_dir`. Names that start with _ are the file's own.

    A study may have another, of the same folder, as `_base_`; variants that it sets to
    None are left out.

    Args:
        path: file of the study.
        options: changes to it, `{'data.root': 'my/images'}`.

    Raises:
        ValueError: an unknown or missing field, or a value that cannot be meant.
    """
    study = Config.fromfile(path)
    study.merge_from_dict(options or {})
    own = {name for name in study if not name.startswith('_')}
    unknown = sorted(own - set(FIELDS))
    missing = [name for name in FIELDS[:3] if not study.get(name)]
    if unknown or missing:
        raise ValueError(
            f'{path}: unknown fields {unknown}, missing fields {missing}; a study has '
            f'{list(FIELDS)}, of which the first three are needed.'
        )
    study.variants = {k: v for k, v in study.variants.items() if v is not None}
    _check_names(study)
    study.setdefault('metric', 'accuracy/top1')
    study.setdefault('work_dir', f'work_dirs/{Path(path).stem}')
    for variant in study.variants.values():
        variant.config = str((Path(path).parent / variant.config).resolve())
    return study


def write_runs(study: Config) -> List[Run]:
    """Write the config of every run, and the lists of training and validation images.

    Args:
        study: see `load_study`.

    Returns:
        The runs, all variants with the first seed, then with the next.

    Raises:
        ValueError: a folder holds a run of other settings.
        FileNotFoundError: a data folder does not exist.
    """
    root = Path(study.work_dir)
    data = _data_options(study.data, root) if study.get('data') else {}
    runs = []
    for seed in study.seeds:
        for name in study.variants:
            cfg = run_config(study, name, seed, data)
            config = root / 'configs' / f'{name}_seed{seed}.py'
            run = Run(name, int(seed), root / name / f'seed{seed}', config)
            _write_config(cfg, run)
            runs.append(run)
    return runs


def run_config(
    study: Config, variant: str, seed: int, data: Optional[dict] = None
) -> Config:
    """Return the config of one run.

    Args:
        study: see `load_study`.
        variant: its name.
        seed: of the run.
        data: options that point the config to the study's data.

    Raises:
        ValueError: an option that would change nothing.
    """
    fields = study.variants[variant]
    cfg = Config.fromfile(fields.config)
    for options in (study.get('options'), data, fields.get('options')):
        merge_options(cfg, options)
    merge_options(cfg, {'randomness.seed': int(seed)})
    return cfg


def _check_names(study: Config) -> None:
    bad = [name for name in study.variants if not re.fullmatch(r'[\w.+-]+', name)]
    if bad:
        raise ValueError(
            f'names of variants {bad} also name folders: use letters, digits, and any '
            'of _ . + -'
        )
    if study.control not in study.variants:
        raise ValueError(
            f'control={study.control!r} is none of the variants {list(study.variants)}.'
        )
    for name, variant in study.variants.items():
        if 'config' not in variant or set(variant) - {'config', 'options'}:
            raise ValueError(
                f"variant {name!r} has {list(variant)}; it takes 'config' and "
                "'options'."
            )
    if len(set(study.seeds)) != len(study.seeds):
        raise ValueError(f'seeds={list(study.seeds)} must differ.')


def _data_options(data: Dict[str, object], root: Path) -> dict:
    """Return the options that point the data sets of a config to an image folder."""
    known = ('root', 'train', 'test', 'val_fraction', 'split_seed')
    if unknown := sorted(set(data) - set(known)):
        raise ValueError(f'data has unknown fields {unknown}; it takes {known}.')
    folder = Path(data['root']).resolve()
    train, test = (str(folder / data.get(k, k)) for k in ('train', 'test'))
    split = write_split(
        Path(train),
        root / 'split',
        data.get('val_fraction', 0.1),
        data.get('split_seed', 0),
    )
    metainfo = dict(classes=split['classes'])
    sets = {
        name: dict(data_root=train, ann_file=split[name], metainfo=metainfo)
        for name in ('train', 'val')
    }
    sets['test'] = dict(data_root=test, metainfo=metainfo)
    return {f'{name}_dataloader.dataset': fields for name, fields in sets.items()}


def _write_config(cfg: Config, run: Run) -> None:
    text = cfg.pretty_text
    if run.config.exists() and run.config.read_text() != text:
        raise ValueError(
            f'{run.work_dir} holds a run of other settings than {run.config} would '
            'have now; choose another work_dir, or remove that folder and that file.'
        )
    for folder in (run.work_dir, run.config.parent):
        folder.mkdir(parents=True, exist_ok=True)
    run.config.write_text(text)
