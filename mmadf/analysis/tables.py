"""Tables as Markdown and as CSV."""

import csv
import math
from pathlib import Path
from typing import Sequence

from mmadf.utils.messages import join_lines


def markdown_table(head: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    """Return a Markdown table.

    Args:
        head: column names.
        rows: one cell per column, formatted with `str`.
    """
    lines = [head, ['---'] * len(head), *rows]
    return '\n'.join(f'| {" | ".join(map(_cell, line))} |' for line in lines)


def _cell(value: object) -> str:
    """Return the text of a cell, which would end at a bar or a line break."""
    return join_lines(value).replace('|', r'\|')


def write_csv(rows: Sequence[dict], path: Path) -> None:
    """Write rows to a CSV file; NaN, an unknown value, becomes an empty field.

    Args:
        rows: with the same keys, which become the header.
        path: file to write.
    """
    with open(path, 'w', newline='', encoding='utf-8') as file:
        writer = csv.DictWriter(file, rows[0] if rows else [])
        writer.writeheader()
        for row in rows:
            writer.writerow({k: '' if is_unknown(v) else v for k, v in row.items()})


def is_unknown(value: object) -> bool:
    """Return whether a value is NaN."""
    return isinstance(value, float) and math.isnan(value)
