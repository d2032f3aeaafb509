"""What the finished runs of a study have logged."""

import json
from typing import Dict, List, NamedTuple, Sequence

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
)
from mmadf.analysis.logs import Curve

from .plan import Run


class Result(NamedTuple):
    """What one run has logged.

    `test` is the metric on the test set, of the checkpoint that was best on the
    validation images; `validation` is their curve; `seconds` the time of training;
    `readouts` holds the metric on the test set by readout, where there are several.
    """

    run: Run
    test: float
    validation: Curve
    seconds: float
    readouts: Dict[str, float]


def read_results(runs: Sequence[Run], metric: str) -> List[Result]:
    """Read the logs of the finished runs; the others are left out.

    Args:
        runs: see `write_runs`.
        metric: name in the logs, 'accuracy/top1'.

    Raises:
        KeyError: a run has no such metric.
    """
    return [_read(run, metric) for run in runs if run.result.exists()]


def _read(run: Run, metric: str) -> Result:
    metrics = json.loads(run.result.read_text())
    if metric not in metrics:
        raise KeyError(f'{run.result} has no {metric!r}; there are {list(metrics)}.')
    records = read_log(run.work_dir)
    curve = validation_curve(records, metric)
    readouts = _readouts(run, metrics, metric)
    return Result(run, metrics[metric], curve, training_seconds(records), readouts)


def _readouts(run: Run, metrics: Dict[str, float], metric: str) -> Dict[str, float]:
    """Return the metric by readout, see `ReadoutsTestLoop`; {} if there is only one."""
    end = f'/{metric}'
    others = {k.removesuffix(end): v for k, v in metrics.items() if k.endswith(end)}
    if not others:
        return {}
    predicted = Config.fromfile(run.config).model.get('readout', 'semantic')
    return {predicted: metrics[metric], **others}


def by_variant(results: Sequence[Result]) -> Dict[str, List[Result]]:
    """Group results, in the order in which the variants first appear."""
    groups = {}
    for result in results:
        groups.setdefault(result.run.variant, []).append(result)
    return groups


def cost_of(run: Run) -> Dict[str, int]:
    """Return what a run's network costs at the size of its test images.

    Args:
        run: its config is read.

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
        f'{phase}_{what}': count
        for phase, parts in phases._asdict().items()
        for what, count in total_cost(parts)._asdict().items()
    }
