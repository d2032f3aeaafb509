"""Summarises recorded outcomes: one row per condition, and curves over strengths."""

from itertools import chain
from statistics import fmean
from typing import Dict, List, NamedTuple, Sequence, Tuple

from mmadf.analysis.calibration import calibration_error

from .conditions import KINDS, Condition
from .records import Outcome, Records


class Row(NamedTuple):
    """The results under one condition.

    `accuracy` in %; `ece`, the expected calibration error, in [0, 1]; `brier`, the mean
    Brier score, i.e. the squared distance between probabilities and one-hot labels, in
    [0, 2]; the number of `images` and the `seconds` that the test took.
    """

    kind: str
    name: str
    strength: float
    images: int
    accuracy: float
    ece: float
    brier: float
    seconds: float

    @property
    def condition(self) -> Condition:
        """The condition of the row."""
        return Condition(self.kind, self.name, self.strength)

    @property
    def title(self) -> str:
        """What a comparison calls the condition; one title for all corruptions."""
        attacked = f'{self.name}, eps {self.strength:g}/255'
        titles = dict(
            attack=attacked, transfer=f'transferred {attacked}', clean='clean'
        )
        return titles.get(self.kind, 'corrupted, mean')


def summarise(records: Records, images: int) -> List[Row]:
    """Return a row for each condition that is complete.

    Args:
        records: outcomes of one or several evaluations.
        images: number of images of the whole test.

    Returns:
        Rows sorted by kind, by name in the order of evaluation, and by strength.
    """
    conditions = list(dict.fromkeys(condition for condition, _ in records.outcomes))
    names = [condition.name for condition in conditions]
    conditions.sort(
        key=lambda c: (KINDS.index(c.kind), names.index(c.name), c.strength)
    )
    rows = [_row(condition, records.of(condition)) for condition in conditions]
    return [row for row in rows if row.images == images]


def common_conditions(
    results: Dict[str, Sequence[Sequence[Row]]],
) -> Dict[str, List[List[Row]]]:
    """Return the rows whose condition all tests of all networks share.

    Args:
        results: by network, the rows of each test; one test per training seed.
    """
    every = chain.from_iterable(results.values())
    shared = set.intersection(*({row.condition for row in rows} for rows in every))
    return {
        name: [[row for row in rows if row.condition in shared] for rows in tests]
        for name, tests in results.items()
    }


def average(tests: Sequence[Sequence[Row]]) -> List[Row]:
    """Return one row per condition, with the means over several tests.

    Args:
        tests: rows of each test.
    """
    groups: Dict[Condition, List[Row]] = {}
    for row in chain.from_iterable(tests):
        groups.setdefault(row.condition, []).append(row)
    measured = 'accuracy', 'ece', 'brier', 'seconds'
    return [
        rows[0]._replace(**{f: fmean(getattr(r, f) for r in rows) for f in measured})
        for rows in groups.values()
    ]


def mean_by_title(
    results: Dict[str, Sequence[Sequence[Row]]], field: str
) -> Dict[str, Dict[str, List[float]]]:
    """Return a field under all conditions that all tests of all networks share.

    Args:
        results: by network, the rows of each test; one test per training seed.
        field: name of a field of `Row`.

    Returns:
        By title and by network, the mean of each test over the rows of the title.
    """
    shared = common_conditions(results)
    (first, *_), *_ = shared.values()
    return {
        title: {
            name: [
                fmean(getattr(row, field) for row in rows if row.title == title)
                for rows in tests
            ]
            for name, tests in shared.items()
        }
        for title in dict.fromkeys(row.title for row in first)
    }


def accuracy_curves(
    rows: Sequence[Row], kind: str
) -> Dict[str, Tuple[List[float], List[float]]]:
    """Return strengths and accuracies by attack, starting with clean images.

    Args:
        rows: see `summarise`.
        kind: 'attack', 'transfer' or 'corruption'. The corruptions form a single curve,
            'mean', at the severities that all of them were tested at.
    """
    clean = {row.strength: [row.accuracy] for row in rows if row.kind == 'clean'}
    points: Dict[str, Dict[float, List[float]]] = {}
    for row in rows:
        if row.kind == kind:
            name = 'mean' if kind == 'corruption' else row.name
            by_strength = points.setdefault(name, {})
            by_strength.setdefault(row.strength, []).append(row.accuracy)
    curves = {}
    for name, by_strength in points.items():
        most = max(map(len, by_strength.values()))
        complete = {s: a for s, a in sorted(by_strength.items()) if len(a) == most}
        curve = {**clean, **complete}
        curves[name] = list(curve), [sum(a) / len(a) for a in curve.values()]
    return curves


def _row(condition: Condition, outcomes: Sequence[Outcome]) -> Row:
    correct = [value for outcome in outcomes for value in outcome.correct]
    confidence = [value for outcome in outcomes for value in outcome.confidence]
    brier = [value for outcome in outcomes for value in outcome.brier]
    return Row(
        *condition,
        images=len(correct),
        accuracy=100 * sum(correct) / len(correct),
        ece=calibration_error(confidence, correct),
        brier=sum(brier) / len(brier),
        seconds=sum(outcome.seconds for outcome in outcomes),
    )
