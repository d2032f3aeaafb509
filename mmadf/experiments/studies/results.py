"""Reads what a finished run has logged, and what its network costs."""

import json
from pathlib import Path
from typing import Dict, List, NamedTuple, Sequence, Tuple

import mmpretrain
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpretrain.registry import DATASETS

from mmadf.analysis import (
    cost_by_phase,
    read_log,
    total_cost,
    training_seconds,
    validation_curve,
    validation_unit,
)
from mmadf.analysis.logs import Curve

from .plan import Run


class Result(NamedTuple):
    """The metrics of one run.

    `test` is measured with the checkpoint that is best on the validation images, whose
    metric over training is `validation`, in steps of a `unit` ('epoch' or 'iteration').
    `seconds` is the training time. `readouts` holds the test metric of each readout of
    a network with several of them.
    """

    variant: str
    seed: int
    test: float
    validation: Curve
    unit: str
    seconds: float
    readouts: Dict[str, float]


def read_results(
    runs: Sequence[Run], metric: str
) -> Tuple[List[Result], Dict[Run, Exception]]:
    """Read the logs and metrics of the finished runs; the others are left out.

    Args:
        runs: see `write_runs`.
        metric: name of the metric in the logs, e.g. 'accuracy/top1'.

    Returns:
        The results, and the errors of the finished runs whose files are missing,
        damaged, or without this metric.

    Raises:
        FileNotFoundError: no run can be read, and the first one has no training log.
        ValueError: no run can be read, the first one for another reason.
    """
    results, errors = [], {}
    for run in runs:
        if run.result.exists():
            try:
                results.append(_read(run, metric))
            except (FileNotFoundError, ValueError) as error:
                errors[run] = error
    if errors and not results:
        raise next(iter(errors.values()))
    return results, errors


def by_variant(results: Sequence[Result]) -> Dict[str, List[Result]]:
    """Group results by variant, in the order of first appearance."""
    groups = {}
    for result in results:
        groups.setdefault(result.variant, []).append(result)
    return groups


def cost_of(run: Run) -> Dict[str, int]:
    """Return the cost of a run's network at the size of its test images.

    Args:
        run: see `write_runs`; its config is read.

    Returns:
        `trained_parameters`, `trained_multiply_adds`, `deployed_parameters` and
        `deployed_multiply_adds`, see `cost_by_phase`.
    """
    cfg = Config.fromfile(run.config)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        dataset = DATASETS.build(cfg.test_dataloader.dataset)
    size = tuple(dataset[0]['inputs'].shape[-2:])
    phases = cost_by_phase(mmpretrain.get_model(cfg), size)
    return {
        f'{phase}_{quantity}': count
        for phase, parts in phases.items()
        for quantity, count in total_cost(parts)._asdict().items()
    }


def _read(run: Run, metric: str) -> Result:
    metrics = _test_metrics(run.result)
    records = read_log(run.work_dir)
    try:
        test, curve = metrics[metric], validation_curve(records, metric)
    except KeyError as error:
        raise ValueError(
            f'{run.work_dir}: metric={metric!r} was not logged in both validation and '
            f'test; the test metrics are {list(metrics)}.'
        ) from error
    return Result(
        variant=run.variant,
        seed=run.seed,
        test=test,
        validation=curve,
        unit=validation_unit(records),
        seconds=training_seconds(records),
        readouts=_readouts(run, metrics, metric),
    )


def _test_metrics(path: Path) -> Dict[str, float]:
    """Return the metrics that test.py has written.

    Raises:
        ValueError: the file is damaged.
    """
    try:
        metrics = json.loads(path.read_bytes())
    except ValueError:
        metrics = None
    if not isinstance(metrics, dict):
        raise ValueError(
            f'{path} is not a JSON file of metrics; remove it and repeat the command, '
            'which tests the run again.'
        )
    return metrics


def _readouts(run: Run, metrics: Dict[str, float], metric: str) -> Dict[str, float]:
    """Return the metric by readout, see `ReadoutsTestLoop`; {} for a single one."""
    suffix = f'/{metric}'
    others = {
        name.removesuffix(suffix): value
        for name, value in metrics.items()
        if name.endswith(suffix)
    }
    if not others:
        return {}
    predicted = Config.fromfile(run.config).model.get('readout', 'semantic')
    return {predicted: metrics[metric], **others}
