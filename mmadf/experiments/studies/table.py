"""The numbers of a study as Markdown."""

from typing import Sequence

from mmadf.analysis.tables import is_unknown, markdown_table


def markdown(rows: Sequence[dict], metric: str, control: str) -> str:
    """Return rows of `summarise` as a Markdown table.

    Args:
        rows: see `summarise`.
        metric: name of what was measured, for the head of the table.
        control: name of the control, for the head of the table.
    """
    names = [
        'variant',
        'seeds',
        f'{metric}, test',
        f'difference to {control} [95% interval by seed]',
        '[95% interval, Dunnett]',
        f'steps to the last validation of {control}',
        'parameters (M), trained → deployed',
        'GFLOPs (multiply-adds), trained → deployed',
        'training (s)',
    ]
    lines = [
        (
            row['variant'],
            row['seeds'],
            _mean(row),
            _difference(row),
            _interval(row, 'simultaneous_'),
            _number(row['steps'], 'd'),
            _costs(row, 'parameters', 1e6),
            _costs(row, 'multiply_adds', 1e9),
            format(row['seconds'], '.0f'),
        )
        for row in rows
    ]
    return markdown_table(names, lines)


def readout_markdown(rows: Sequence[dict], metric: str, control: str) -> str:
    """Return rows of `readout_rows` as a Markdown table.

    Args:
        rows: see `readout_rows`.
        metric: name of what was measured, for the head of the table.
        control: name of the control, for the head of the table.
    """
    names = [
        'variant',
        'readout',
        'seeds',
        f'{metric}, test',
        f'difference to {control} [95% interval by seed]',
    ]
    lines = [
        (row['variant'], row['readout'], row['seeds'], _mean(row), _difference(row))
        for row in rows
    ]
    return markdown_table(names, lines)


def _mean(row: dict) -> str:
    return f'{_number(row["mean"], ".2f")} ± {_number(row["deviation"], ".2f")}'


def _difference(row: dict) -> str:
    mean, interval = _number(row['difference'], '+.2f'), _interval(row)
    return mean if interval == '–' else f'{mean} {interval}'


def _interval(row: dict, kind: str = '') -> str:
    low, high = row[f'{kind}low'], row[f'{kind}high']
    return '–' if is_unknown(low) else f'[{low:+.2f}, {high:+.2f}]'


def _costs(row: dict, what: str, unit: float) -> str:
    trained, deployed = (
        f'{row[f"{when}_{what}"] / unit:.4g}' for when in ('trained', 'deployed')
    )
    return trained if trained == deployed else f'{trained} → {deployed}'


def _number(value: float, style: str) -> str:
    return '–' if is_unknown(value) else format(value, style)
