"""Summarises the results of a study: one row per variant, per readout, or per run."""

import math
from statistics import fmean
from typing import Dict, List, Sequence

from .results import Result, by_variant
from .statistics import (
    dunnett_intervals,
    first_step_at,
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
          seed, for this comparison alone, and `simultaneous_low` to
          `simultaneous_high`, Dunnett's interval, for all comparisons together;
        - `steps`: the first validation at which the mean over seeds reaches that of
          the control at its last validation;
        - the cost of the network, and `seconds`, the mean training time.
    """
    groups = by_variant(results)
    scores = {name: {r.seed: r.test for r in group} for name, group in groups.items()}
    curves = {
        name: mean_curve([result.validation for result in group])[:2]
        for name, group in groups.items()
    }
    reference = scores.get(control, {})
    level = curves[control][1][-1] if control in curves else math.nan
    others = {name: list(scores[name].values()) for name in scores if name != control}
    simultaneous = dunnett_intervals(others, list(reference.values()))
    rows = []
    for name, group in groups.items():
        low, high = simultaneous.get(name, (math.nan, math.nan))
        rows.append(
            dict(
                variant=name,
                **_compare(scores[name], {} if name == control else reference),
                simultaneous_low=low,
                simultaneous_high=high,
                steps=first_step_at(*curves[name], level),
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
        Rows with `variant`, `readout` and the columns `seeds` to `high` of `summarise`.
    """
    groups = by_variant(results)
    reference = {result.seed: result.test for result in groups.get(control, [])}
    rows = []
    for name, group in groups.items():
        for readout in group[0].readouts:
            scores = {result.seed: result.readouts[readout] for result in group}
            row = dict(variant=name, readout=readout, **_compare(scores, reference))
            rows.append(row)
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


def _compare(scores: Dict[int, float], reference: Dict[int, float]) -> dict:
    """Return mean and deviation of scores by seed, and their difference to others."""
    mean, deviation = mean_and_deviation(list(scores.values()))
    names = ('seeds', 'mean', 'deviation', 'difference', 'low', 'high')
    values = len(scores), mean, deviation, *paired_difference(scores, reference)
    return dict(zip(names, values, strict=True))
