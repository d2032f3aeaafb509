"""Reads the results of a study from the records of its runs."""

from pathlib import Path
from typing import Dict, List, NamedTuple, Sequence, Tuple

from mmengine.config import Config

from mmadf.analysis.logs import Curve

from .records import read_record
from .run import record_path


class Result(NamedTuple):
    """The metrics of one run.

    `test` is measured with the checkpoint that is best on the validation images, whose
    metric over training is `validation`, in steps of a `unit` ('epoch' or 'iteration').
    `seconds` is the training time, `costs` the cost of the network. `readouts` holds
    the test metric of each readout of a network with several of them.
    """

    variant: str
    seed: int
    test: float
    validation: Curve
    unit: str
    seconds: float
    readouts: Dict[str, float]
    costs: Dict[str, int]


def read_results(study: Config) -> Tuple[List[Result], Dict[Path, Exception]]:
    """Read the records of a study; runs without a record are left out.

    Args:
        study: see `load_study`. Only records are read, neither data nor checkpoints.

    Returns:
        The results, and the errors of the records that are damaged, or without the
        metric of the study.

    Raises:
        FileNotFoundError: no record can be read; the first one lacks its predictions.
        ValueError: no record can be read, the first one for another reason.
    """
    results, errors = [], {}
    for seed in study.seeds:
        for variant in study.variants:
            path = record_path(Path(study.records), variant, seed)
            if path.exists():
                try:
                    results.append(_read(path, study.metric))
                except (FileNotFoundError, ValueError) as error:
                    errors[path] = error
    if errors and not results:
        raise next(iter(errors.values()))
    return results, errors


def by_variant(results: Sequence[Result]) -> Dict[str, List[Result]]:
    """Group results by variant, in the order of first appearance."""
    groups = {}
    for result in results:
        groups.setdefault(result.variant, []).append(result)
    return groups


def _read(path: Path, metric: str) -> Result:
    record = read_record(path)
    metrics, curves = record['metrics'], record['curves']
    if metric not in metrics or metric not in curves:
        raise ValueError(
            f'{path}: metric={metric!r} was not logged in both validation and test; '
            f'the test metrics are {list(metrics)}.'
        )
    return Result(
        variant=record['variant'],
        seed=record['seed'],
        test=metrics[metric],
        validation=tuple(curves[metric]),
        unit=record['unit'],
        seconds=record['seconds'],
        readouts=_readouts(record, metric),
        costs=record['costs'],
    )


def _readouts(record: Dict[str, object], metric: str) -> Dict[str, float]:
    """Return the metric by readout, see `ReadoutsTestLoop`; {} for a single one."""
    metrics, suffix = record['metrics'], f'/{metric}'
    others = {
        name.removesuffix(suffix): value
        for name, value in metrics.items()
        if name.endswith(suffix)
    }
    return {record['readout']: metrics[metric], **others} if others else {}
