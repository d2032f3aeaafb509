"""Markdown tables of studies and of robustness tests."""

from typing import Dict, List, Sequence

from mmadf.analysis.tables import is_unknown, markdown_table

from .robustness.summary import Row, common_conditions

UNKNOWN = '–'
ATTACK_TITLES = dict(attack='white-box attack', transfer='transfer attack')


def study_table(rows: Sequence[dict], metric: str, control: str) -> str:
    """Return the table of a study, one row per variant.

    Args:
        rows: see `mmadf.experiments.studies.summarise`.
        metric: name of the metric.
        control: name of the control.
    """
    head = [
        'variant',
        'seeds',
        f'test {metric}, mean ± std',
        f'difference to {control} [95% CI, paired by seed]',
        '[95% CI, Dunnett]',
        f'steps to the final validation {metric} of {control}',
        'parameters (M), training → deployed',
        'GFLOPs (multiply-adds), training → deployed',
        'training time (s)',
    ]
    lines = [
        (
            row['variant'],
            row['seeds'],
            _mean_and_deviation(row),
            _difference(row),
            _interval(row['simultaneous_low'], row['simultaneous_high']),
            _number(row['steps'], 'd'),
            _costs(row, 'parameters', 1e6),
            _costs(row, 'multiply_adds', 1e9),
            _number(row['seconds'], '.0f'),
        )
        for row in rows
    ]
    return markdown_table(head, lines)


def readout_table(rows: Sequence[dict], metric: str, control: str) -> str:
    """Return the table of the readouts of a study, one row per readout.

    Args:
        rows: see `mmadf.experiments.studies.readout_rows`.
        metric: name of the metric.
        control: name of the control.
    """
    head = [
        'variant',
        'readout',
        'seeds',
        f'test {metric}, mean ± std',
        f'difference to {control} [95% CI, paired by seed]',
    ]
    lines = [
        (
            row['variant'],
            row['readout'],
            row['seeds'],
            _mean_and_deviation(row),
            _difference(row),
        )
        for row in rows
    ]
    return markdown_table(head, lines)


def robustness_tables(
    rows: Sequence[Row], settings: Dict[str, object], warnings: Sequence[str]
) -> str:
    """Return the tables of one network: calibration, attacks, corruptions.

    Args:
        rows: see `mmadf.experiments.robustness.summarise`.
        settings: settings of the test, shown as `name value`.
        warnings: see `masking_warnings`.
    """
    parts = [', '.join(f'{name} {value}' for name, value in settings.items())]
    parts.append(_calibration_table(rows))
    for kind, title in ATTACK_TITLES.items():
        parts.append(_grid(rows, kind, f'{title}: top-1 (%) at eps', '{:g}/255'))
    parts.append(_grid(rows, 'corruption', 'corruption: top-1 (%) at severity', '{:g}'))
    parts += [f'**Possible gradient masking:** {text}' for text in warnings]
    return '\n\n'.join(filter(None, parts))


def comparison_table(results: Dict[str, Sequence[Row]]) -> str:
    """Return a table with one column per network.

    Args:
        results: rows of each network, see `mmadf.experiments.robustness.summarise`.
            Only the conditions that all networks were tested under are shown, of the
            corruptions their mean, and the calibration on clean images.
    """
    tested = [
        {row.condition: row for row in rows}
        for rows in common_conditions(results).values()
    ]
    lines = []
    for condition in tested[0]:
        if condition.kind != 'corruption':
            accuracies = [f'{rows[condition].accuracy:.2f}' for rows in tested]
            lines.append([_condition_title(condition), *accuracies])
    corrupted = [
        [row.accuracy for row in rows.values() if row.kind == 'corruption']
        for rows in tested
    ]
    if all(corrupted):
        means = [f'{_mean(accuracies):.2f}' for accuracies in corrupted]
        lines.append(['corrupted, mean', *means])
    clean = [next(r for r in rows.values() if r.kind == 'clean') for rows in tested]
    lines.append(['ECE, clean', *(f'{row.ece:.3f}' for row in clean)])
    lines.append(['Brier score, clean', *(f'{row.brier:.3f}' for row in clean)])
    return markdown_table(['top-1 (%)', *results], lines)


def _calibration_table(rows: Sequence[Row]) -> str:
    """Return accuracy and calibration on clean and, by severity, corrupted images."""
    groups: Dict[str, List[Row]] = {}
    for row in rows:
        if row.kind == 'clean':
            groups['clean'] = [row]
        elif row.kind == 'corruption':
            groups.setdefault(f'corrupted, severity {row.strength:g}', []).append(row)
    head = ['images', 'top-1 (%)', 'ECE', 'Brier score', 'time (s)']
    lines = [
        [
            name,
            f'{_mean([row.accuracy for row in group]):.2f}',
            f'{_mean([row.ece for row in group]):.3f}',
            f'{_mean([row.brier for row in group]):.3f}',
            f'{sum(row.seconds for row in group):.0f}',
        ]
        for name, group in groups.items()
    ]
    return markdown_table(head, lines)


def _grid(rows: Sequence[Row], kind: str, title: str, style: str) -> str:
    """Return accuracies with a row per name and a column per strength."""
    cells = {(row.name, row.strength): row for row in rows if row.kind == kind}
    if not cells:
        return ''
    names = list(dict.fromkeys(name for name, _ in cells))
    strengths = sorted({strength for _, strength in cells})
    grid = [[cells.get((name, strength)) for strength in strengths] for name in names]
    lines = []
    for name, found in zip(names, grid, strict=True):
        accuracies = [f'{row.accuracy:.2f}' if row else UNKNOWN for row in found]
        seconds = sum(row.seconds for row in found if row)
        lines.append([name, *accuracies, f'{seconds:.0f}'])
    if kind == 'corruption':
        means = [
            f'{_mean([row.accuracy for row in column]):.2f}' if all(column) else UNKNOWN
            for column in zip(*grid, strict=True)
        ]
        lines.append(['mean', *means, ''])
    head = [title, *(style.format(strength) for strength in strengths), 'time (s)']
    return markdown_table(head, lines)


def _condition_title(condition: tuple) -> str:
    kind, name, strength = condition
    if kind == 'clean':
        return 'clean'
    return f'{"transferred " * (kind == "transfer")}{name}, eps {strength:g}/255'


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _mean_and_deviation(row: dict) -> str:
    return f'{_number(row["mean"], ".2f")} ± {_number(row["deviation"], ".2f")}'


def _difference(row: dict) -> str:
    mean = _number(row['difference'], '+.2f')
    interval = _interval(row['low'], row['high'])
    return mean if interval == UNKNOWN else f'{mean} {interval}'


def _interval(low: float, high: float) -> str:
    return UNKNOWN if is_unknown(low) else f'[{low:+.2f}, {high:+.2f}]'


def _costs(row: dict, quantity: str, unit: float) -> str:
    trained, deployed = (
        f'{row[f"{phase}_{quantity}"] / unit:.4g}' for phase in ('trained', 'deployed')
    )
    return trained if trained == deployed else f'{trained} → {deployed}'


def _number(value: float, style: str) -> str:
    return UNKNOWN if is_unknown(value) else format(value, style)
