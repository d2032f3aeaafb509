"""The numbers of a study as Markdown and CSV."""

import csv
import math
from pathlib import Path
from typing import Dict, List, Sequence

from .results import Result, by_variant
from .statistics import mean_and_deviation, paired_difference


def summarise(
    results: Sequence[Result], control: str, costs: Dict[str, Dict[str, int]]
) -> List[dict]:
    """Return one row for each variant.

    Args:
        results: of finished runs.
        control: the variant that the others are compared with, by seed.
        costs: by variant, see `count_cost`.

    Returns:
        Rows with `variant`, `seeds` (how many), `mean` and `deviation` of the metric on
        the test set, `difference` to the control with `low` and `high`, the ends of its
        95% confidence interval, `parameters`, `multiply_adds`, and `seconds`, the mean
        time of training. NaN where seeds are too few, and where the control is itself.
    """
    groups = by_variant(results)
    scores = {
        name: {result.run.seed: result.test for result in group}
        for name, group in groups.items()
    }
    rows = []
    for name, group in groups.items():
        mean, deviation = mean_and_deviation(list(scores[name].values()))
        reference = {} if name == control else scores.get(control, {})
        difference, low, high = paired_difference(scores[name], reference)
        rows.append(
            dict(
                variant=name,
                seeds=len(group),
                mean=mean,
                deviation=deviation,
                difference=difference,
                low=low,
                high=high,
                **costs[name],
                seconds=mean_and_deviation([r.seconds for r in group])[0],
            )
        )
    return rows


def markdown(rows: Sequence[dict], metric: str, control: str) -> str:
    """Return rows of `summarise` as a Markdown table.

    Args:
        rows: see `summarise`.
        metric: name of what was measured, for the head of the table.
        control: name of the control, for the head of the table.
    """
    lines = [
        f'| variant | seeds | {metric}, test | difference to {control} (95% interval) '
        '| parameters (M) | multiply-adds (M) | training (s) |',
        '|---|---|---|---|---|---|---|',
    ]
    for row in rows:
        lines.append(
            f'| {row["variant"]} | {row["seeds"]} '
            f'| {_number(row["mean"], ".2f")} ± {_number(row["deviation"], ".2f")} '
            f'| {_difference(row)} | {row["parameters"] / 1e6:.4f} '
            f'| {row["multiply_adds"] / 1e6:.3f} | {row["seconds"]:.0f} |'
        )
    return '\n'.join(lines)


def write_csv(rows: Sequence[dict], path: Path) -> None:
    """Write rows of one kind; NaN becomes an empty field."""
    with open(path, 'w', newline='') as file:
        writer = csv.DictWriter(file, rows[0] if rows else [])
        writer.writeheader()
        for row in rows:
            writer.writerow({k: '' if _unknown(v) else v for k, v in row.items()})


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


def _difference(row: dict) -> str:
    if _unknown(row['difference']):
        return '–'
    mean, *ends = (_number(row[key], '+.2f') for key in ('difference', 'low', 'high'))
    return f'{mean} [{", ".join(ends)}]'


def _number(value: float, style: str) -> str:
    return '–' if _unknown(value) else format(value, style)


def _unknown(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)
