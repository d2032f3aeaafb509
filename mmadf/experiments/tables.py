"""Markdown tables of studies and of robustness tests."""

from typing import Dict, List, Sequence

from mmadf.analysis.tables import is_unknown, markdown_table

from .robustness.summary import Row, mean_by_title
from .studies.statistics import mean_and_deviation

UNKNOWN = '–'
ATTACKS = dict(attack='white-box attack', transfer='transfer attack')


def study_table(
    rows: Sequence[dict], metric: str, control: str, split: str = 'test'
) -> str:
    """Return the table of a study, one row per variant.

    Args:
        rows: see `studies.summary.summarise`.
        metric: name of the metric.
        control: name of the control.
        split: name of the images that the metric is of.
    """
    lines = [
        {
            'variant': row['variant'],
            **_comparison(row, metric, control, split),
            '[95% CI, max-t]; p': _together(row),
            f'steps to the final validation {metric} of {control}': _number(
                row['steps'], 'd'
            ),
            'change of validation in the last fifth': _number(
                row['late_change'], '+.2f'
            ),
            'parameters (M), training → deployed': _cost(row, 'parameters', 1e6),
            'GFLOPs (multiply-adds), training → deployed': _cost(
                row, 'multiply_adds', 1e9
            ),
            'training time (s)': _number(row['seconds'], '.0f'),
        }
        for row in rows
    ]
    return _table(lines)


def readout_table(
    rows: Sequence[dict], metric: str, control: str, split: str = 'test'
) -> str:
    """Return the table of the readouts of a study, one row per readout.

    Args:
        rows: see `studies.summary.readout_rows`.
        metric: name of the metric.
        control: name of the control.
        split: name of the images that the metric is of.
    """
    lines = [
        {name: row[name] for name in ('variant', 'readout')}
        | _comparison(row, metric, control, split)
        for row in rows
    ]
    return _table(lines)


def robustness_tables(
    rows: Sequence[Row], settings: Dict[str, object], warnings: Sequence[str]
) -> str:
    """Return the tables of one network: calibration, attacks and corruptions.

    Args:
        rows: see `robustness.summary.summarise`.
        settings: settings of the test, shown as `name value`.
        warnings: see `masking_warnings`.
    """
    parts = [', '.join(f'{name} {value}' for name, value in settings.items())]
    parts.append(_calibration(rows))
    for kind, title in ATTACKS.items():
        parts.append(_grid(rows, kind, f'{title}: top-1 (%) at eps', '/255'))
    parts.append(_grid(rows, 'corruption', 'corruption: top-1 (%) at severity'))
    parts += [f'**Possible gradient masking:** {text}' for text in warnings]
    return '\n\n'.join(filter(None, parts))


def comparison_table(results: Dict[str, Sequence[Sequence[Row]]]) -> str:
    """Return a table with a column per network and a row per condition they share.

    Args:
        results: by network, the rows of each test, see `robustness.summary.summarise`.
            Several tests of a network are shown as mean ± standard deviation.
            Corruptions are averaged, and calibration is shown for clean images.
    """
    accuracies = mean_by_title(results, 'accuracy')
    rows = [(title, tests, '.2f') for title, tests in accuracies.items()]
    for field, name in dict(ece='ECE', brier='Brier score').items():
        rows.append((f'{name}, clean', mean_by_title(results, field)['clean'], '.3f'))
    return _table(
        [
            {'top-1 (%)': title}
            | {name: _spread(values, style) for name, values in tests.items()}
            for title, tests, style in rows
        ]
    )


def _calibration(rows: Sequence[Row]) -> str:
    """Return accuracy and calibration on clean and, by severity, corrupted images."""
    groups: Dict[str, List[Row]] = {}
    for row in rows:
        if row.kind == 'clean':
            groups['clean'] = [row]
        elif row.kind == 'corruption':
            groups.setdefault(f'corrupted, severity {row.strength:g}', []).append(row)
    lines = [
        {
            'images': name,
            'top-1 (%)': _mean(group),
            'ECE': _mean(group, 'ece', '.3f'),
            'Brier score': _mean(group, 'brier', '.3f'),
            'time (s)': f'{sum(row.seconds for row in group):.0f}',
        }
        for name, group in groups.items()
    ]
    return _table(lines)


def _grid(rows: Sequence[Row], kind: str, title: str, unit: str = '') -> str:
    """Return accuracies with a row per name and a column per strength."""
    cells = {(row.name, row.strength): row for row in rows if row.kind == kind}
    names = list(dict.fromkeys(name for name, _ in cells))
    strengths = sorted({strength for _, strength in cells})
    groups = {name: [name] for name in names}
    if kind == 'corruption' and names:
        groups['mean'] = names
    lines = []
    for label, members in groups.items():
        line, seconds = {title: label}, 0.0
        for strength in strengths:
            found = [cells.get((name, strength)) for name in members]
            line[f'{strength:g}{unit}'] = _mean(found) if all(found) else UNKNOWN
            seconds += sum(row.seconds for row in found if row)
        lines.append({**line, 'time (s)': f'{seconds:.0f}'})
    return _table(lines)


def _table(lines: Sequence[dict]) -> str:
    """Return a Markdown table of rows that map titles to cells; '' without rows."""
    if not lines:
        return ''
    return markdown_table(list(lines[0]), [list(line.values()) for line in lines])


def _mean(rows: Sequence[Row], field: str = 'accuracy', style: str = '.2f') -> str:
    return format(sum(getattr(row, field) for row in rows) / len(rows), style)


def _spread(values: Sequence[float], style: str) -> str:
    """Return the mean and, of several values, the standard deviation."""
    mean, deviation = mean_and_deviation(values)
    return f'{mean:{style}}' + (
        '' if is_unknown(deviation) else f' ± {deviation:{style}}'
    )


def _comparison(row: dict, metric: str, control: str, split: str) -> dict:
    """Return the cells of a mean and of its difference to the control."""
    mean, deviation = _number(row['mean'], '.2f'), _number(row['deviation'], '.2f')
    difference, interval = _number(row['difference'], '+.2f'), _interval(row)
    if interval != UNKNOWN:
        difference += f' {interval}'
    return {
        'seeds': row['seeds'],
        f'{split} {metric}, mean ± std': f'{mean} ± {deviation}',
        f'difference to {control} [95% CI, paired by seed]': difference,
        '[95% CI, seeds and images]': _interval(row, 'crossed_'),
    }


def _interval(row: dict, kind: str = '') -> str:
    low, high = row[f'{kind}low'], row[f'{kind}high']
    return UNKNOWN if is_unknown(low) else f'[{low:+.2f}, {high:+.2f}]'


def _together(row: dict) -> str:
    """Return the cell of the interval and the p-value for all comparisons."""
    if is_unknown(row['p_value']):
        return UNKNOWN
    return f'{_interval(row, "simultaneous_")}; {row["p_value"]:.3f}'


def _cost(row: dict, quantity: str, unit: float) -> str:
    trained, deployed = (
        f'{row[f"{phase}_{quantity}"] / unit:.4g}' for phase in ('trained', 'deployed')
    )
    return trained if trained == deployed else f'{trained} → {deployed}'


def _number(value: float, style: str) -> str:
    return UNKNOWN if is_unknown(value) else format(value, style)
