import csv
import math

import numpy as np
import pytest

from mmadf.studies.picture import band
from mmadf.studies.plan import Run
from mmadf.studies.results import Result
from mmadf.studies.table import markdown, run_rows, summarise, write_csv

COSTS = {
    'plain': dict(parameters=1_500_000, multiply_adds=20_000_000),
    'new': dict(parameters=1_501_000, multiply_adds=20_500_000),
}


def result(variant, seed, test, seconds=60.0, curve=((1, 2), (50.0, 70.0))):
    return Result(Run(variant, seed, None, None), test, curve, seconds)


RESULTS = [
    result('plain', 0, 80.0),
    result('new', 0, 81.0, 50.0),
    result('plain', 1, 82.0),
    result('new', 1, 85.0, 70.0),
]


def test_rows_hold_the_numbers_of_the_runs():
    pytest.importorskip('scipy')
    plain, new = summarise(RESULTS, 'plain', COSTS)
    assert (plain['variant'], plain['seeds'], plain['mean']) == ('plain', 2, 81.0)
    assert all(math.isnan(plain[key]) for key in ('difference', 'low', 'high'))
    assert new['mean'] == 83.0
    assert new['deviation'] == pytest.approx(math.sqrt(8))
    # Differences 1 and 3: mean 2, standard error 1, t = 12.706 at 1 degree of freedom.
    found = [new[key] for key in ('difference', 'low', 'high')]
    assert found == pytest.approx([2.0, 2 - 12.7062, 2 + 12.7062], abs=1e-4)
    assert new['seconds'] == 60.0
    assert new['parameters'] == 1_501_000


def test_markdown_shows_them():
    pytest.importorskip('scipy')
    text = markdown(summarise(RESULTS, 'plain', COSTS), 'top1', 'plain')
    _, _, plain, new = text.splitlines()
    assert plain == '| plain | 2 | 81.00 ± 1.41 | – | 1.5000 | 20.000 | 60 |'
    assert new == (
        '| new | 2 | 83.00 ± 2.83 | +2.00 [-10.71, +14.71] | 1.5010 | 20.500 | 60 |'
    )


def test_one_seed_or_no_control_leaves_gaps_and_no_numbers():
    (row,) = summarise([result('new', 0, 81.0)], 'plain', COSTS)
    text = markdown([row], 'top1', 'plain')
    assert text.splitlines()[2].startswith('| new | 1 | 81.00 ± – | – |')


def test_csv_holds_full_numbers_and_empty_fields(tmp_path):
    write_csv(summarise(RESULTS[:2], 'plain', COSTS), tmp_path / 'table.csv')
    plain, new = csv.DictReader((tmp_path / 'table.csv').read_text().splitlines())
    assert (plain['difference'], plain['mean']) == ('', '80.0')
    assert (new['difference'], new['low']) == ('1.0', '')


def test_each_run_is_a_row():
    assert run_rows(RESULTS)[3] == dict(
        variant='new', seed=1, test=85.0, best_validation=70.0, seconds=70.0
    )


def test_band_is_mean_and_deviation_at_common_steps():
    group = [
        result('a', 0, 0, curve=((1, 2, 3), (10.0, 20.0, 30.0))),
        result('a', 1, 0, curve=((2, 3), (26.0, 30.0))),
    ]
    steps, mean, deviation = band(group)
    assert steps == [2, 3]
    np.testing.assert_allclose(mean, [23, 30])
    np.testing.assert_allclose(deviation, [np.std([20, 26], ddof=1), 0])


def test_band_of_one_run_has_no_width():
    np.testing.assert_array_equal(band(RESULTS[:1]).deviation, [0, 0])
