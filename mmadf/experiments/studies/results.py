"""Reads the results of a study from the records of its runs."""

from pathlib import Path
from typing import Dict, List, NamedTuple, Sequence, Tuple

import numpy as np
from mmengine.config import Config

from mmadf.analysis.logs import Curve
from mmadf.engine.readouts import ONLY

from .records import read_predictions, read_record
from .run import record_path

TOP1 = 'accuracy/top1'


class Result(NamedTuple):
    """The metrics of one run.

    `test` is measured with the checkpoint that is best on the validation images, whose
    metric over training is `validation`, in steps of a `unit` ('epoch' or 'iteration').
    `seconds` is the training time, `costs` the cost of the network. `readouts` holds
    the test metric of each readout of a network with several of them; `readout` is the
    one that the network predicts with. `correct` says for each readout which test
    images are classified correctly; it is {} if the metric is not the top-1 accuracy.
    `held_out` is False if the test images are the validation images.
    """

    variant: str
    seed: int
    test: float
    validation: Curve
    unit: str
    seconds: float
    readouts: Dict[str, float]
    costs: Dict[str, int]
    readout: str = ONLY
    correct: Dict[str, np.ndarray] = {}
    held_out: bool = True


def tested_split(results: Sequence[Result]) -> str:
    """Return 'test', or 'validation' if results are of the validation images."""
    return 'test' if all(result.held_out for result in results) else 'validation'


def read_results(study: Config) -> Tuple[List[Result], Dict[Path, Exception]]:
    """Read the records of a study; runs without a record are left out.

    Args:
        study: see `load_study`. Only records are read, neither data nor checkpoints.

    Returns:
        The results, and the errors of the records that are damaged, without the metric
        of the study, or of other settings or test images than those before.

    Raises:
        FileNotFoundError: no record can be read; the first one lacks its predictions.
        ValueError: no record can be read, the first one for another reason.
    """
    results, errors, first = [], {}, {}
    for seed in study.seeds:
        for variant in study.variants:
            path = record_path(Path(study.records), variant, seed)
            if path.exists():
                try:
                    record = read_record(path)
                    _check_alike(path, record, first)
                    results.append(_result(path, record, study.metric))
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


def _check_alike(
    path: Path, record: Dict[str, object], first: Dict[str, Tuple[Path, object]]
) -> None:
    """Check that runs of a variant have one config, and all runs the same test images.

    Args:
        path: JSON file of the record.
        record: its content.
        first: by what is hashed, the first file and its hash; new ones are added.

    Raises:
        ValueError: the record has another hash.
    """
    hashes = {
        f'the config of {record["variant"]}': record['config_hash'],
        'the test images': record['data']['test']['hash'],
    }
    for what, value in hashes.items():
        other, expected = first.setdefault(what, (path, value))
        if value != expected:
            raise ValueError(
                f'{path}: the hash of {what} is {value}, but {expected} in '
                f'{other.name}; keep the records of other settings in another folder.'
            )


def _correct(path: Path, record: Dict[str, object]) -> Dict[str, np.ndarray]:
    """Return for each readout which test images are classified correctly."""
    arrays = read_predictions(path, record)
    return {
        name.removesuffix('/class'): classes == arrays['label']
        for name, classes in arrays.items()
        if name.endswith('/class')
    }


def _result(path: Path, record: Dict[str, object], metric: str) -> Result:
    metrics, curves = record['metrics'], record['curves']
    if not isinstance(metrics.get(metric), (int, float)) or metric not in curves:
        raise ValueError(
            f'{path}: metric={metric!r} was not logged as a number in both validation '
            f'and test; the test metrics are {list(metrics)}.'
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
        readout=record['readout'],
        correct=_correct(path, record) if metric == TOP1 else {},
        held_out=record['data']['test'] != record['data']['val'],
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
