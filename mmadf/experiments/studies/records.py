"""Records: what remains of a run, and all that the report of its study needs.

A record is a JSON file with one field per line, and an npz file of the same name with
the test predictions image by image.
"""

import hashlib
import json
import shutil
import subprocess
from io import BytesIO
from pathlib import Path
from typing import Dict, List

import numpy as np

import mmadf
from mmadf.analysis import (
    read_log,
    training_seconds,
    validation_curve,
    validation_metrics,
    validation_unit,
)
from mmadf.utils.files import atomic_write

from .run import Run
from .testing import PREDICTIONS

IDENTITY = ('seed', 'config_hash', 'data')
FIELDS = (
    'variant',
    *IDENTITY,
    'versions',
    'date',
    'environment',
    'readout',
    'metrics',
    'costs',
    'unit',
    'curves',
    'seconds',
    'predictions',
    'config',
)


def code_version() -> str:
    """Return the version of this code, in a checkout with the commit.

    A commit is followed by '-dirty' if files differ from it.
    """
    root, version = Path(mmadf.__file__).parents[1], mmadf.__version__
    if not (root / '.git').exists() or not shutil.which('git'):
        return version
    command = ['git', '-C', str(root), 'describe', '--always', '--abbrev=12']
    command += ['--dirty', '--exclude=*']
    done = subprocess.run(command, capture_output=True, text=True)
    return f'{version}+{done.stdout.strip()}' if done.returncode == 0 else version


def note_version(run: Run) -> None:
    """Add the version of this code to those that have trained a run."""
    versions = _versions(run)
    if (version := code_version()) not in versions:
        atomic_write(run.versions, '\n'.join([*versions, version]).encode())


def is_recorded(run: Run, settings: Dict[str, object]) -> bool:
    """Return whether the record of a run exists.

    Args:
        run: the run.
        settings: what identifies it, see `describe_run`.

    Raises:
        ValueError: the record is damaged, or that of a run with other settings.
    """
    if not run.record.exists():
        return False
    record = read_record(run.record)
    different = [name for name in IDENTITY if record[name] != settings[name]]
    if different:
        raise ValueError(
            f'{run.record} is the record of a run that differs in {different}; choose '
            'another folder by records=DIR, or remove it and its .npz.'
        )
    return True


def write_record(run: Run) -> None:
    """Write the record of a run that has been trained and tested.

    Raises:
        FileNotFoundError: a file of the run is missing.
        ValueError: a file of the run is damaged.
    """
    result = _read_json(run.result, 'remove it, and repeat the command to test again')
    log = read_log(run.work_dir)
    predictions = run.result.with_name(PREDICTIONS).read_bytes()
    record = dict(
        **_read_json(run.settings, f'remove it and {run.config}'),
        **result,
        variant=run.variant,
        versions=_versions(run),
        unit=validation_unit(log),
        curves={name: validation_curve(log, name) for name in validation_metrics(log)},
        seconds=round(training_seconds(log), 1),
        predictions=_hash(predictions),
    )
    lines = [f'"{name}": {json.dumps(record[name])}' for name in FIELDS]
    atomic_write(run.record.with_suffix('.npz'), predictions)
    atomic_write(run.record, ('{\n' + ',\n'.join(lines) + '\n}\n').encode())


def read_record(path: Path) -> Dict[str, object]:
    """Read the JSON file of a record.

    Raises:
        ValueError: the file is damaged.
    """
    advice = 'restore it, or remove it to train the run again'
    record = _read_json(path, advice)
    if missing := [name for name in FIELDS if name not in record]:
        raise ValueError(f'{path} lacks the fields {missing} of a record; {advice}.')
    return record


def read_predictions(path: Path, record: Dict[str, object]) -> Dict[str, np.ndarray]:
    """Read the test predictions of a run.

    Args:
        path: JSON file of the record.
        record: its content, see `read_record`.

    Returns:
        The arrays of `Predictions`; {} for images with several labels.

    Raises:
        FileNotFoundError: the file of the predictions is missing.
        ValueError: it is not the file that was written with the record.
    """
    path = path.with_suffix('.npz')
    if not path.exists():
        raise FileNotFoundError(
            f'{path} is missing; restore it, or remove the .json file of that name to '
            'train the run again.'
        )
    content = path.read_bytes()
    if _hash(content) != record['predictions']:
        raise ValueError(
            f'{path} is not the file that belongs to the .json file of that name; '
            'restore both, or remove both to train the run again.'
        )
    with np.load(BytesIO(content), allow_pickle=False) as arrays:
        return dict(arrays)


def _versions(run: Run) -> List[str]:
    return run.versions.read_text().splitlines() if run.versions.exists() else []


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _read_json(path: Path, advice: str) -> Dict[str, object]:
    """Return the dict of a JSON file.

    Raises:
        ValueError: the file is damaged; `advice` says what to do.
    """
    try:
        content = json.loads(path.read_bytes())
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise ValueError(f'{path} is damaged: no JSON object; {advice}.')
    return content
