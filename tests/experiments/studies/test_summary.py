"""Rows of a study: means, differences to the control, steps, costs."""

import math

import numpy as np
import pytest

from mmadf.experiments.studies.summary import readout_rows, run_rows, summarise
from tests.experiments.studies.examples import RESULTS, result


def test_rows_hold_the_numbers_of_the_runs():
    pytest.importorskip('scipy')
    plain, new = summarise(RESULTS, 'plain')
    assert (plain['variant'], plain['seeds'], plain['mean']) == ('plain', 2, 81.0)
    gaps = ('difference', 'low', 'high', 'simultaneous_low', 'simultaneous_high')
    assert all(math.isnan(plain[key]) for key in gaps)
    assert new['mean'] == 83.0
    assert new['deviation'] == pytest.approx(math.sqrt(8))
    # Differences 1 and 3: mean 2, standard error 1, t = 12.706 at 1 degree of freedom.
    # With one variant Dunnett's test is Student's of two samples: pooled variance
    # (2 + 8) / 2, standard error sqrt(5), t = 4.3027 at 2 degrees.
    half = 4.30265 * math.sqrt(5)
    found = [new[key] for key in gaps]
    assert found[:3] == pytest.approx([2.0, 2 - 12.7062, 2 + 12.7062], abs=1e-4)
    assert found[3:] == pytest.approx([2 - half, 2 + half], abs=0.01 * half)
    assert new['seconds'] == 60.0
    assert (new['trained_parameters'], new['deployed_parameters']) == (3.1e6, 2.25e6)


def test_each_readout_is_compared_with_the_prediction_of_the_control():
    pytest.importorskip('scipy')
    semantic, total = readout_rows(RESULTS, 'plain')
    names = [
        (row['variant'], row['readout'], row['seeds']) for row in (semantic, total)
    ]
    assert names == [('new', 'semantic', 2), ('new', 'sum', 2)]
    assert (semantic['mean'], semantic['difference']) == (83.0, 2.0)
    assert (total['mean'], total['difference']) == (83.75, 2.75)


def test_each_run_is_a_row():
    assert run_rows(RESULTS)[3] == dict(
        variant='new', seed=1, test=85.0, best_validation=74.0, seconds=70.0
    )


def test_steps_are_those_to_the_last_validation_of_the_control():
    pytest.importorskip('scipy')
    fallen = result('fallen', 0, 50.0, curve=((1, 2, 3), (40.0, 72.0, 65.0)))
    expected = {
        'plain': (2, 1, 2),
        'new': (math.nan, 2, math.nan),
        'fallen': (2, 1, 2),
        'absent': (math.nan,) * 3,
    }
    for control, steps in expected.items():
        rows = summarise([*RESULTS, fallen], control)
        np.testing.assert_equal([row['steps'] for row in rows], steps)
