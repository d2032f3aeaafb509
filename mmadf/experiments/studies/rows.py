"""The numbers of a study: a row for each variant, readout or run."""

import math
from typing import Dict, List, Sequence

from .curves import band, steps_to_reach
from .results import Result, by_variant
from .statistics import (
    Interval,
    dunnett_intervals,
    mean_and_deviation,
    paired_difference,
)

UNKNOWN = Interval(math.nan, math.nan, math.nan)


def summarise(
    results: Sequence[Result], control: str, costs: Dict[str, Dict[str, int]]
) -> List[dict]:
    """Return one row for each variant.

    Args:
        results: of finished runs.
        control: the variant that the others are compared with, by seed.
        costs: by variant, see `cost_of`.

    Returns:
        Rows with `variant`, `seeds` (how many), `mean` and `deviation` of the metric on
        the test set, `difference` to the control with two 95% confidence intervals,
        the costs, and `seconds`, the mean time of training. `low` and `high` are the
        ends of the interval paired by seed, of this difference alone;
        `simultaneous_low` and `simultaneous_high` those of Dunnett's, which hold for
        all variants together. NaN where seeds are too few, and where the control is
        itself. `steps` is the first validation at which the mean over seeds is what
        that of the control is at its last; NaN if there is none, or no control.
    """
    groups = by_variant(results)
    scores = {
        name: {r.run.seed: r.test for r in group} for name, group in groups.items()
    }
    reference = scores.get(control, {})
    others = {name: list(scores[name].values()) for name in scores if name != control}
    together = dunnett_intervals(others, list(reference.values()))
    level = band(groups[control]).mean[-1] if control in groups else math.nan
    rows = []
    for name, group in groups.items():
        _, low, high = together.get(name, UNKNOWN)
        rows.append(
            dict(
                variant=name,
                **_compare(scores[name], {} if name == control else reference),
                simultaneous_low=low,
                simultaneous_high=high,
                steps=steps_to_reach(group, level),
                **costs[name],
                seconds=mean_and_deviation([r.seconds for r in group])[0],
            )
        )
    return rows


def readout_rows(results: Sequence[Result], control: str) -> List[dict]:
    """Return one row for each readout of the variants that have several.

    Args:
        results: of finished runs.
        control: a variant; what it predicts by is compared with all readouts.

    Returns:
        Rows with `variant`, `readout` and the columns of `summarise` from `seeds` to
        `high`.
    """
    groups = by_variant(results)
    reference = {result.run.seed: result.test for result in groups.get(control, [])}
    return [
        dict(
            variant=name,
            readout=readout,
            **_compare({r.run.seed: r.readouts[readout] for r in group}, reference),
        )
        for name, group in groups.items()
        for readout in group[0].readouts
    ]


def run_rows(results: Sequence[Result]) -> List[dict]:
    """Return one row for each run."""
    return [
        dict(
            variant=result.run.variant,
            seed=result.run.seed,
            test=result.test,
            best_validation=max(result.validation[1]),
            seconds=result.seconds,
        )
        for result in results
    ]


def _compare(scores: Dict[int, float], reference: Dict[int, float]) -> dict:
    """Return mean and deviation of scores by seed, and the difference to others."""
    mean, deviation = mean_and_deviation(list(scores.values()))
    difference, low, high = paired_difference(scores, reference)
    return dict(
        seeds=len(scores),
        mean=mean,
        deviation=deviation,
        difference=difference,
        low=low,
        high=high,
    )
