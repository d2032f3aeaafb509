"""Learning curves of a training run, from the log that MMEngine writes."""

import json
import re
from pathlib import Path
from typing import Dict, List, Tuple

from mmadf.engine.config_changes import LOCATIONS, config_changes

Curve = Tuple[List[int], List[float]]
# What MMEngine logs beside the metrics of a validation.
COUNTERS = ('step', 'epoch', 'time', 'data_time')
# In the config that MMEngine writes for each start of a run.
NEW_RUN = re.compile(r'^resume = False$', re.MULTILINE)
LOCATION = re.compile(rf'\S+\.({"|".join(LOCATIONS)}): ')


def read_log(work_dir: Path) -> List[dict]:
    """Return the records of a run, including resumed parts, in chronological order.

    An incomplete last line, which a killed process leaves, is skipped.

    Args:
        work_dir: work directory of a run, with a `*/vis_data/scalars.json` per start.

    Raises:
        FileNotFoundError: there is no log.
        ValueError: a line of a log is not a record, or the logs are those of runs of
            different configs.
    """
    logs = sorted(Path(work_dir).glob('*/vis_data/scalars.json'))
    if not logs:
        raise FileNotFoundError(
            f'work_dir={work_dir} contains no training log, */vis_data/scalars.json; '
            'give the work directory of a training run.'
        )
    return [record for log in _logs_of_last_run(logs) for record in _records(log)]


def _logs_of_last_run(logs: List[Path]) -> List[Path]:
    """Return the logs from the last start on that did not resume another one.

    A run that is interrupted before its first checkpoint has nothing to resume and
    starts anew, so that its earlier logs are void. MMEngine writes the config of each
    start beside its log; a start without one counts as resumed.

    Raises:
        ValueError: the logs before that start are those of a run of another config.
    """
    first = 0
    for index, log in enumerate(logs[1:], start=1):
        if not NEW_RUN.search(_config_text(log)):
            continue
        before = logs[first]
        changes = config_changes(_config_text(before), _config_text(log))
        if not all(map(LOCATION.match, changes)):
            raise ValueError(
                f'{log.parents[2]} contains the logs of different runs: '
                f'{log.parents[1].name} did not resume {before.parents[1].name}, and '
                'their configs differ; move the folder of one of them elsewhere.'
            )
        first = index
    return logs[first:]


def _config_text(log: Path) -> str:
    config = log.with_name('config.py')
    return config.read_text(errors='replace') if config.exists() else ''


def _records(log: Path) -> List[dict]:
    """Return the records of one log file."""
    lines = log.read_text(errors='replace').split('\n')
    records = []
    for number, line in enumerate(lines[:-1], start=1):
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if not isinstance(record, dict) or 'step' not in record:
            raise ValueError(
                f'{log}, line {number}: {line[:60]!r} is not a record with a step, as '
                'MMEngine writes; remove the line.'
            )
        records.append(record)
    return records


def validation_unit(records: List[dict]) -> str:
    """Return the unit in which a run counts its validations, 'epoch' or 'iteration'.

    Training records of runs by iteration may name an epoch: the first, or, in a run
    that was prolonged after its end, the second. Their validations start at step 0.

    Args:
        records: see `read_log`.
    """
    epochs = max((record.get('epoch', 0) for record in records), default=0)
    steps = {record['step'] for record in records if 'loss' not in record}
    is_by_epoch = 0 not in steps and (epochs > 1 or (epochs == 1 and steps <= {1}))
    return 'epoch' if is_by_epoch else 'iteration'


def training_curve(records: List[dict], key: str = 'loss') -> Curve:
    """Return iterations, and the values logged during training.

    Where a resumed run repeats iterations, the later values replace the earlier ones.

    Args:
        records: see `read_log`.
        key: name of a loss in the records.
    """
    return _sorted({r['step']: r[key] for r in records if key in r})


def validations(records: List[dict]) -> Dict[int, dict]:
    """Return the records of all validations by epoch, or by iteration.

    In runs by iteration, MMEngine logs 0 as the step of every validation, unless
    `log_metric_by_epoch=False`, as tools/train.py sets; the preceding training record
    then gives the iteration.

    Args:
        records: see `read_log`.
    """
    by_epoch = validation_unit(records) == 'epoch'
    found: Dict[int, dict] = {}
    iteration = 0
    for record in records:
        if 'loss' in record:
            iteration = record['step']
        else:
            step = record['step'] if by_epoch else max(record['step'], iteration)
            found.setdefault(step, {}).update(record)
    return found


def validation_metrics(records: List[dict]) -> List[str]:
    """Return the names of all validation metrics that are numbers, as logged first.

    Args:
        records: see `read_log`; a run without validation has no metrics.
    """
    found = validations(records).values()
    logged = {name: value for record in found for name, value in record.items()}
    return [
        name
        for name, value in logged.items()
        if name not in COUNTERS and isinstance(value, (int, float))
    ]


def validation_curve(records: List[dict], metric: str = 'accuracy/top1') -> Curve:
    """Return epochs, or iterations in runs by iteration, and the values of a metric.

    Args:
        records: see `read_log`.
        metric: name in the records.

    Raises:
        ValueError: the metric has never been logged, or is a list.
    """
    found = validations(records)
    points = {
        step: record[metric]
        for step, record in found.items()
        if isinstance(record.get(metric), (int, float))
    }
    if not points:
        raise ValueError(
            f'metric={metric!r} has never been logged as a number; the validation '
            f'metrics are {validation_metrics(records)}.'
        )
    return _sorted(points)


def training_seconds(records: List[dict]) -> float:
    """Return the training time, the sum over iterations of their mean logged time.

    It excludes validation, checkpoints and iterations repeated after a resumption. It
    is an estimate: MMEngine logs the mean of the last 10 iterations
    (`log_processor.window_size`), which stands for all since the previous record.

    Args:
        records: see `read_log`.
    """
    steps, times = training_curve([r for r in records if 'loss' in r], 'time')
    pairs = zip([0, *steps], steps, times, strict=False)
    return sum((step - before) * time for before, step, time in pairs)


def _sorted(points: Dict[int, float]) -> Curve:
    steps = sorted(points)
    return steps, [points[step] for step in steps]
