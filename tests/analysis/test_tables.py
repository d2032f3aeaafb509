import math
from pathlib import Path

import pytest

from mmadf.analysis.tables import is_unknown, markdown_table, write_csv


def test_markdown_has_a_head_a_rule_and_a_line_for_each_row():
    table = markdown_table(['name', 'top-1'], [['a', 1], ['b, c', '2.50']])
    expected = ['| name | top-1 |', '| --- | --- |', '| a | 1 |', '| b, c | 2.50 |']
    assert table.split('\n') == expected


def test_bars_and_line_breaks_do_not_end_a_cell():
    head, _, row = markdown_table(['a|b'], [['c\nd']]).split('\n')
    assert (head, row) == (r'| a\|b |', '| c d |')


def test_csv_holds_every_digit_and_leaves_unknown_fields_empty(tmp_path):
    path: Path = tmp_path / 'table.csv'
    write_csv([dict(a='x, y', b=1 / 3), dict(a='z', b=math.nan)], path)
    assert path.read_text().splitlines() == ['a,b', '"x, y",0.3333333333333333', 'z,']


def test_rows_of_two_kinds_are_refused(tmp_path):
    with pytest.raises(ValueError, match='not in fieldnames'):
        write_csv([dict(a=1), dict(b=1)], tmp_path / 'table.csv')


def test_only_nan_is_unknown():
    assert is_unknown(math.nan)
    assert not is_unknown(0.0) and not is_unknown('nan')
