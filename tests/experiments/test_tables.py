"""Tables show the numbers of their rows, and dashes where a number is unknown."""

import pytest

from mmadf.experiments.studies.summary import readout_rows, summarise
from mmadf.experiments.tables import (
    comparison_table,
    readout_table,
    robustness_tables,
    study_table,
)
from tests.experiments.robustness.examples import ROWS, row
from tests.experiments.studies.examples import RESULTS, result


def test_study_table_shows_means_differences_intervals_and_costs():
    pytest.importorskip('scipy')
    rows = summarise(RESULTS, 'plain')
    rows[1].update(simultaneous_low=-7.621, simultaneous_high=11.621)
    rows[1].update(crossed_low=0.5, crossed_high=3.5)
    _, _, plain, new = study_table(rows, 'top1', 'plain').splitlines()
    # In the last fifth of 2 epochs, 0.4 of 20 points; 0.4 of the 3.5 from 70 to 73.5.
    expected = '| plain | 2 | 81.00 ± 1.41 | – | – | – | 2 | +8.00 | 1.5 | 1.5 | 60 |'
    assert plain == expected
    assert new == (
        '| new | 2 | 83.00 ± 2.83 | +2.00 [-10.71, +14.71] | [+0.50, +3.50] '
        '| [-7.62, +11.62]; 0.500 | 1 | +1.40 | 3.1 → 2.25 | 3.1 → 2.25 | 60 |'
    )


def test_study_table_has_dashes_for_one_seed_and_no_control():
    (alone,) = summarise([result('new', 0, 81.0)], 'plain')
    line = study_table([alone], 'top1', 'plain').splitlines()[2]
    assert line.startswith('| new | 1 | 81.00 ± – | – | – |')
    _, new = summarise(RESULTS[:2], 'plain')
    line = study_table([new], 'top1', 'plain').splitlines()[2]
    assert line.startswith('| new | 1 | 81.00 ± – | +1.00 | – |')


def test_readout_table_shows_each_readout():
    pytest.importorskip('scipy')
    text = readout_table(readout_rows(RESULTS, 'plain'), 'top1', 'plain')
    # Differences 3 and 2.5: standard error 0.25.
    expected = '| new | sum | 2 | 83.75 ± 1.06 | +2.75 [-0.43, +5.93] | – |'
    assert text.splitlines()[3] == expected


def test_robustness_tables_have_a_column_per_strength_and_dashes_for_gaps():
    text = robustness_tables(ROWS, dict(images=100, device='cpu'), ['eps 8/255: bad'])
    assert text.startswith('images 100, device cpu\n')
    for line in (
        '| clean | 80.00 | 0.100 | 0.500 | 1 |',
        '| corrupted, severity 1 | 65.00 | 0.100 | 0.500 | 2 |',
        '| white-box attack: top-1 (%) at eps | 1/255 | 8/255 | time (s) |',
        '| fgsm | 60.00 | – | 1 |',
        '| pgd | 55.00 | 5.00 | 2 |',
        '| transfer attack: top-1 (%) at eps | 8/255 | time (s) |',
        '| fgsm | 40.00 | 1 |',
        '| fog | 70.00 | 50.00 | 2 |',
        '| mean | 65.00 | – | 3 |',
        '**Possible gradient masking:** eps 8/255: bad',
    ):
        assert line in text.splitlines()


def test_comparison_table_shows_common_conditions_whatever_their_order():
    other = [row('clean', '', 0.0, 70.0), row(strength=8.0, accuracy=15.0)]
    other += [row('corruption', 'fog', 1.0, 30.0), row('corruption', 'fog', 3.0, 0.0)]
    assert comparison_table(dict(a=[ROWS], b=[other[::-1]])).splitlines() == [
        '| top-1 (%) | a | b |',
        '| --- | --- | --- |',
        '| clean | 80.00 | 70.00 |',
        '| pgd, eps 8/255 | 5.00 | 15.00 |',
        '| corrupted, mean | 70.00 | 30.00 |',
        '| ECE, clean | 0.100 | 0.100 |',
        '| Brier score, clean | 0.500 | 0.500 |',
    ]


def test_comparison_table_shows_the_spread_over_several_tests_of_a_network():
    fog = [row('corruption', 'fog', strength, 30.0) for strength in (1.0, 2.0)]
    first = [row('clean', '', 0.0, 70.0), *fog, row('corruption', 'snow', 1.0, 90.0)]
    second = [row('clean', '', 0.0, 74.0), *fog, row('corruption', 'snow', 1.0, 0.0)]
    lines = comparison_table(dict(a=[first, second], b=[first])).splitlines()
    assert lines[2:5] == [
        '| clean | 72.00 ± 2.83 | 70.00 |',
        '| corrupted, mean | 35.00 ± 21.21 | 50.00 |',  # 50 and 20
        '| ECE, clean | 0.100 ± 0.000 | 0.100 |',
    ]
