"""Robustness as Markdown, CSV and JSON."""

import json
from pathlib import Path
from typing import Dict, List, Sequence, Tuple

from mmadf.analysis.tables import markdown_table, write_csv

from .masking import masking_warnings
from .summary import Row

TITLES = dict(attack='attack', transfer='attack made on another network')


def markdown(rows: Sequence[Row], settings: Dict[str, object]) -> str:
    """Return accuracies by eps and by severity, calibration, and warnings.

    Args:
        rows: see `summarise`.
        settings: shown above, as `name value`.
    """
    parts = [', '.join(f'{name} {value}' for name, value in settings.items())]
    parts.append(_calibration(rows))
    for kind, title in TITLES.items():
        parts.append(_grid(rows, kind, f'{title}: top-1 (%) at eps', '{:g}/255'))
    parts.append(_grid(rows, 'corruption', 'top-1 (%) at severity', '{:g}', mean=True))
    parts += [f'**Gradient masking?** {text}' for text in masking_warnings(rows)]
    return '\n\n'.join(filter(None, parts))


def shared(results: Dict[str, Sequence[Row]]) -> Dict[str, List[Row]]:
    """Return of each network the rows whose condition all of them were tested under."""
    common = set.intersection(*({row[:3] for row in rows} for rows in results.values()))
    return {
        name: [r for r in rows if r[:3] in common] for name, rows in results.items()
    }


def compare(results: Dict[str, Sequence[Row]]) -> str:
    """Return a table with one column a network.

    Args:
        results: rows by network; those of `shared` are shown, of the corruptions the
            mean, and the calibration on clean images.
    """
    lines = []
    tested = [{row[:3]: row for row in rows} for rows in shared(results).values()]
    for condition in tested[0]:
        if condition[0] != 'corruption':
            accuracies = [f'{rows[condition].accuracy:.2f}' for rows in tested]
            lines.append([_title(*condition), *accuracies])
    harmed = [[r for r in rows.values() if r.kind == 'corruption'] for rows in tested]
    if all(harmed):
        means = [sum(row.accuracy for row in rows) / len(rows) for rows in harmed]
        lines.append(['corrupted, mean', *(f'{mean:.2f}' for mean in means)])
    for field in ('ece', 'brier'):
        values = [getattr(rows['clean', '', 0.0], field) for rows in tested]
        lines.append([f'{field}, clean', *(f'{value:.3f}' for value in values)])
    return markdown_table(['top-1 (%)', *results], lines)


def write_report(rows: Sequence[Row], settings: Dict[str, object], out: Path) -> str:
    """Write `table.md`, `table.csv` and `results.json`; return the table.

    Args:
        rows: see `summarise`.
        settings: see `Records`.
        out: folder that exists.
    """
    table = markdown(rows, settings)
    (out / 'table.md').write_text(table + '\n')
    write_csv([row._asdict() for row in rows], out / 'table.csv')
    write_results(rows, settings, out / 'results.json')
    return table


def write_results(rows: Sequence[Row], settings: dict, path: Path) -> None:
    """Write settings, rows and warnings as JSON, see `read_results`."""
    results = dict(
        settings=settings,
        rows=[row._asdict() for row in rows],
        warnings=masking_warnings(rows),
    )
    path.write_text(json.dumps(results, indent=1) + '\n')


def read_results(path: Path) -> Tuple[List[Row], dict]:
    """Return rows and settings of a file of `write_results`."""
    results = json.loads(Path(path).read_text())
    return [Row(**row) for row in results['rows']], results['settings']


def _grid(
    rows: Sequence[Row], kind: str, title: str, style: str, mean: bool = False
) -> str:
    """Return accuracies by name, down, and strength, across."""
    cells = {(r.name, r.strength): r for r in rows if r.kind == kind}
    strengths = sorted({strength for _, strength in cells})
    names = list(dict.fromkeys(name for name, _ in cells))
    if not cells:
        return ''
    heads = [title, *(style.format(s) for s in strengths), 'seconds']
    lines = []
    for name in names:
        found = [cells.get((name, s)) for s in strengths]
        seconds = sum(row.seconds for row in found if row)
        shown = [f'{row.accuracy:.2f}' if row else '–' for row in found]
        lines.append([name, *shown, f'{seconds:.0f}'])
    if mean:
        lines.append(['mean', *(_mean(cells, names, s) for s in strengths), ''])
    return markdown_table(heads, lines)


def _mean(
    cells: Dict[Tuple[str, float], Row], names: Sequence[str], strength: float
) -> str:
    """Return the mean accuracy at one strength, once all are known."""
    found = [cells.get((name, strength)) for name in names]
    if not all(found):
        return '–'
    return f'{sum(row.accuracy for row in found) / len(found):.2f}'


def _calibration(rows: Sequence[Row]) -> str:
    """Return accuracy and calibration on clean and, by severity, corrupted images."""
    groups: Dict[str, List[Row]] = {}
    for row in rows:
        if row.kind == 'clean':
            groups['clean'] = [row]
        elif row.kind == 'corruption':
            groups.setdefault(f'corrupted, severity {row.strength:g}', []).append(row)
    heads = ['images', 'top-1 (%)', 'ECE', 'Brier', 'seconds']
    lines = []
    for name, group in groups.items():
        accuracy, ece, brier = (
            sum(getattr(row, field) for row in group) / len(group)
            for field in ('accuracy', 'ece', 'brier')
        )
        seconds = sum(row.seconds for row in group)
        cells = [f'{accuracy:.2f}', f'{ece:.3f}', f'{brier:.3f}', f'{seconds:.0f}']
        lines.append([name, *cells])
    return markdown_table(heads, lines)


def _title(kind: str, name: str, strength: float) -> str:
    if kind == 'clean':
        return 'clean'
    return f'{"transferred " * (kind == "transfer")}{name}, eps {strength:g}/255'
