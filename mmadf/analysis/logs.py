"""Curves of a training run, from the log that MMEngine writes."""

import json
from pathlib import Path
from typing import Dict, List, Tuple

Curve = Tuple[List[int], List[float]]


def read_log(work_dir: Path) -> List[dict]:
    """Return the records of all parts of a run, in order of time.

    A line that is half written, as by a killed process, is left out.

    Args:
        work_dir: folder of a run, with one `*/vis_data/scalars.json` for each start.

    Raises:
        FileNotFoundError: there is no log.
    """
    logs = sorted(Path(work_dir).glob('*/vis_data/scalars.json'))
    if not logs:
        raise FileNotFoundError(
            f'{work_dir}: no */vis_data/scalars.json, so no training log to plot; '
            'give the work directory of a training run.'
        )
    lines = [line for log in logs for line in log.read_text().splitlines(True)]
    return [json.loads(line) for line in lines if line.endswith('\n')]


def counts_epochs(records: List[dict]) -> bool:
    """Whether the run was validated by epochs, not by iterations."""
    return any('epoch' in record for record in records)


def training_curve(records: List[dict], key: str = 'loss') -> Curve:
    """Return iterations and values of what was logged while training.

    Where a resumed run repeats iterations, the later values count.

    Args:
        records: see `read_log`.
        key: name of a loss in the records.
    """
    return _sorted({r['step']: r[key] for r in records if key in r})


def validation_curve(records: List[dict], metric: str = 'accuracy/top1') -> Curve:
    """Return epochs, or iterations in a run by iterations, and values of a metric.

    MMEngine notes a validation by its epoch; in runs by iterations, without
    `log_metric_by_epoch=False`, that is always 0: there the last training record
    before it tells the iteration.

    Args:
        records: see `read_log`.
        metric: name in the records.

    Raises:
        KeyError: no validation has this metric.
    """
    epochs = counts_epochs(records)
    points, iteration = {}, 0
    for record in records:
        if 'loss' in record:
            iteration = record['step']
        elif metric in record:
            step = record['step']
            points[step if epochs else max(step, iteration)] = record[metric]
    if not points:
        raise KeyError(
            f'no validation logged {metric!r}; there are {_metrics(records)}.'
        )
    return _sorted(points)


def training_seconds(records: List[dict]) -> float:
    """Return the time of training: that of an iteration, times their number.

    Validation, checkpoints and what was repeated after a resumption are not in it.

    Args:
        records: see `read_log`; one with a loss holds the mean time of an iteration
            since the last.
    """
    steps, times = training_curve([r for r in records if 'loss' in r], 'time')
    pairs = zip([0, *steps], steps, times, strict=False)
    return sum((step - before) * time for before, step, time in pairs)


def _sorted(points: Dict[int, float]) -> Curve:
    steps = sorted(points)
    return steps, [points[step] for step in steps]


def _metrics(records: List[dict]) -> List[str]:
    """Return the names of what validations logged."""
    names = {name for r in records if 'loss' not in r for name in r}
    return sorted(names - {'step', 'time', 'data_time'})
