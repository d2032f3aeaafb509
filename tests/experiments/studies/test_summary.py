"""Rows of a study: means, differences to the control, steps, costs."""

import math

import numpy as np
import pytest

from mmadf.experiments.studies.statistics import crossed_interval
from mmadf.experiments.studies.summary import readout_rows, run_rows, summarise
from tests.experiments.studies.examples import RESULTS, result


def test_rows_hold_the_numbers_of_the_runs():
    pytest.importorskip('scipy')
    plain, new = summarise(RESULTS, 'plain')
    assert (plain['variant'], plain['seeds'], plain['mean']) == ('plain', 2, 81.0)
    gaps = ('difference', 'low', 'high', 'crossed_low', 'simultaneous_low', 'p_value')
    assert all(math.isnan(plain[key]) for key in gaps)
    assert new['mean'] == 83.0
    assert new['deviation'] == pytest.approx(math.sqrt(8))
    # Differences 1 and 3: mean 2, standard error 1, t = 12.706 at 1 degree of freedom.
    found = [new[key] for key in gaps]
    assert found[:3] == pytest.approx([2.0, 2 - 12.7062, 2 + 12.7062], abs=1e-4)
    assert all(map(math.isnan, found[3:5]))  # no predictions, and few seeds
    assert found[5] == 0.5  # 2 of 4 flips of signs
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


def test_images_add_an_interval_where_all_predictions_are_known():
    pytest.importorskip('scipy')
    random = np.random.default_rng(7)
    right = {(v, s): random.random(50) < 0.7 for v in ('plain', 'new') for s in (0, 1)}

    def _results(known):
        return [
            r._replace(
                readout='semantic', correct=dict(semantic=right[r.variant, r.seed])
            )
            if (r.variant, r.seed) in known
            else r
            for r in RESULTS
        ]

    def _interval(row):
        return row['crossed_low'], row['crossed_high']

    images = [100.0 * right['new', s] - 100.0 * right['plain', s] for s in (0, 1)]
    expected = crossed_interval(images)
    assert _interval(summarise(_results(right), 'plain')[1]) == expected
    semantic, total = readout_rows(_results(right), 'plain')
    assert _interval(semantic) == expected
    assert all(map(math.isnan, _interval(total)))
    some = list(right)[1:]
    assert all(map(math.isnan, _interval(summarise(_results(some), 'plain')[1])))


def test_only_variants_with_all_seeds_of_the_control_are_compared_together():
    pytest.importorskip('scipy')
    rows = summarise([*RESULTS, result('late', 1, 99.0)], 'plain')
    known = [row['variant'] for row in rows if not math.isnan(row['p_value'])]
    assert known == ['new']


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


@pytest.mark.parametrize(('known', 'finite'), [(3, True), (2, False)])
def test_interval_over_images_needs_the_predictions_of_all_common_seeds(known, finite):
    pytest.importorskip('scipy')
    right = np.random.default_rng(7).random((2, 3, 50)) < 0.7
    results = [
        result(variant, seed, 80.0 + seed)._replace(
            readout='semantic',
            correct=dict(semantic=right[i, seed]) if seed < known else {},
        )
        for i, variant in enumerate(('plain', 'new'))
        for seed in range(3)
    ]
    assert math.isfinite(summarise(results, 'plain')[1]['crossed_low']) == finite
