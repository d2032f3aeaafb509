"""Learning curves of a training run, from the log that MMEngine writes."""

import json
from pathlib import Path
from typing import Dict, List, Tuple

Curve = Tuple[List[int], List[float]]


def read_log(work_dir: Path) -> List[dict]:
    """Return the records of a run, including resumed parts, in chronological order.

    An incomplete last line, which a killed process leaves, is skipped.

    Args:
        work_dir: work directory of a run, with a `*/vis_data/scalars.json` per start.

    Raises:
        FileNotFoundError: there is no log.
    """
    logs = sorted(Path(work_dir).glob('*/vis_data/scalars.json'))
    if not logs:
        raise FileNotFoundError(
            f'work_dir={work_dir} contains no training log, */vis_data/scalars.json; '
            'give the work directory of a training run.'
        )
    lines = [line for log in logs for line in log.read_text().splitlines(True)]
    return [json.loads(line) for line in lines if line.endswith('\n')]


def validation_unit(records: List[dict]) -> str:
    """Return the unit in which a run counts its validations, 'epoch' or 'iteration'."""
    return 'epoch' if any('epoch' in record for record in records) else 'iteration'


def training_curve(records: List[dict], key: str = 'loss') -> Curve:
    """Return iterations, and the values logged during training.

    Where a resumed run repeats iterations, the later values replace the earlier ones.

    Args:
        records: see `read_log`.
        key: name of a loss in the records.
    """
    return _sorted({r['step']: r[key] for r in records if key in r})


def validation_curve(records: List[dict], metric: str = 'accuracy/top1') -> Curve:
    """Return epochs, or iterations in runs by iteration, and the values of a metric.

    In runs by iteration, MMEngine logs 0 as the step of every validation, unless
    `log_metric_by_epoch=False`; the preceding training record then gives the iteration.

    Args:
        records: see `read_log`.
        metric: name in the records.

    Raises:
        ValueError: the metric has never been logged.
    """
    by_epoch = validation_unit(records) == 'epoch'
    points, iteration = {}, 0
    for record in records:
        if 'loss' in record:
            iteration = record['step']
        elif metric in record:
            step = record['step']
            points[step if by_epoch else max(step, iteration)] = record[metric]
    if not points:
        logged = {name for r in records if 'loss' not in r for name in r}
        raise ValueError(
            f'metric={metric!r} has never been logged; the validation metrics are '
            f'{sorted(logged - {"step", "time", "data_time"})}.'
        )
    return _sorted(points)


def training_seconds(records: List[dict]) -> float:
    """Return the training time, the sum over iterations of their mean logged time.

    It excludes validation, checkpoints and iterations repeated after a resumption.

    Args:
        records: see `read_log`; each training record holds the mean time per iteration
            since the last one.
    """
    steps, times = training_curve([r for r in records if 'loss' in r], 'time')
    pairs = zip([0, *steps], steps, times, strict=False)
    return sum((step - before) * time for before, step, time in pairs)


def _sorted(points: Dict[int, float]) -> Curve:
    steps = sorted(points)
    return steps, [points[step] for step in steps]
