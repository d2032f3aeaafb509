"""Summarises the results of a study: one row per variant, per readout, or per run."""

import math
from statistics import fmean
from typing import Dict, List, NamedTuple, Optional, Sequence

import numpy as np

from .resampling import Simultaneous, max_t
from .results import Result, by_variant
from .statistics import (
    crossed_interval,
    first_step_at,
    late_change,
    mean_and_deviation,
    mean_curve,
    paired_difference,
)


def summarise(results: Sequence[Result], control: str) -> List[dict]:
    """Return one row per variant; values that are undefined are NaN.

    Args:
        results: results of finished runs.
        control: name of the variant with which the others are compared.

    Returns:
        Rows with these columns:

        - `variant`, and `seeds`, the number of its runs;
        - `mean` and `deviation` of the test metric;
        - `difference` to the control, with the interval `low` to `high`, paired by
          seed, for this comparison alone, and `crossed_low` to `crossed_high`, see
          `crossed_interval`, which is known for top-1 accuracy only;
        - `simultaneous_low`, `simultaneous_high` and `p_value`, see `max_t`, for all
          comparisons together; known for variants that have all seeds of the control;
        - `steps`: the first validation at which the mean over seeds reaches that of
          the control at its last validation;
        - `late_change`, that of the mean over seeds of the validation metric, in the
          last fifth of training;
        - the cost of the network, and `seconds`, the mean training time.
    """
    groups = by_variant(results)
    curves = {
        name: mean_curve([result.validation for result in group])[:2]
        for name, group in groups.items()
    }
    scores = {name: _scores(group) for name, group in groups.items()}
    reference = scores.get(control, {})
    level = curves[control][1][-1] if control in curves else math.nan
    simultaneous = max_t(_differences(scores, control))
    rows = []
    for name, group in groups.items():
        together = simultaneous.get(name, Simultaneous())
        rows.append(
            dict(
                variant=name,
                **_compare(scores[name], {} if name == control else reference),
                simultaneous_low=together.low,
                simultaneous_high=together.high,
                p_value=together.p_value,
                steps=first_step_at(*curves[name], level),
                late_change=late_change(*curves[name]),
                **group[0].costs,
                seconds=fmean(result.seconds for result in group),
            )
        )
    return rows


def readout_rows(results: Sequence[Result], control: str) -> List[dict]:
    """Return one row per readout, for the variants with several readouts.

    Args:
        results: results of finished runs.
        control: name of a variant, whose prediction is compared with every readout.

    Returns:
        Rows with `variant`, `readout` and the columns `seeds` to `crossed_high` of
        `summarise`.
    """
    groups = by_variant(results)
    reference = _scores(groups.get(control, []))
    rows = []
    for name, group in groups.items():
        for readout in group[0].readouts:
            compared = _compare(_scores(group, readout), reference)
            rows.append(dict(variant=name, readout=readout, **compared))
    return rows


def run_rows(results: Sequence[Result]) -> List[dict]:
    """Return one row per run."""
    return [
        dict(
            variant=result.variant,
            seed=result.seed,
            test=result.test,
            best_validation=max(result.validation[1]),
            seconds=result.seconds,
        )
        for result in results
    ]


class _Score(NamedTuple):
    """Test metric of a run and, where known, which test images are right."""

    value: float
    correct: Optional[np.ndarray]


def _scores(
    group: Sequence[Result], readout: Optional[str] = None
) -> Dict[int, _Score]:
    """Return the scores of a readout by seed, by default of the prediction."""
    return {
        result.seed: _Score(
            result.readouts[readout] if readout else result.test,
            result.correct.get(readout or result.readout),
        )
        for result in group
    }


def _differences(
    scores: Dict[str, Dict[int, _Score]], control: str
) -> Dict[str, List[float]]:
    """Return paired differences of the variants with all seeds of the control."""
    reference = scores.get(control, {})
    return {
        name: [of[seed].value - reference[seed].value for seed in reference]
        for name, of in scores.items()
        if name != control and len(reference) > 1 and set(reference) <= set(of)
    }


def _compare(scores: Dict[int, _Score], reference: Dict[int, _Score]) -> dict:
    """Return mean and deviation of scores by seed, and their difference to others."""
    values, others = (
        {seed: score.value for seed, score in of.items()} for of in (scores, reference)
    )
    mean, deviation = mean_and_deviation(list(values.values()))
    difference, low, high = paired_difference(values, others)
    pairs = [
        (scores[s].correct, reference[s].correct) for s in scores if s in reference
    ]
    known = [pair for pair in pairs if pair[0] is not None and pair[1] is not None]
    # All pairs or none: the interval belongs to the difference over all common seeds.
    images = (
        [100.0 * a - 100.0 * b for a, b in known] if len(known) == len(pairs) else []
    )
    crossed_low, crossed_high = crossed_interval(images)
    return dict(
        seeds=len(scores),
        mean=mean,
        deviation=deviation,
        difference=difference,
        low=low,
        high=high,
        crossed_low=crossed_low,
        crossed_high=crossed_high,
    )
