import csv
import math
from unittest import mock

import numpy as np
import pytest

from mmadf.analysis.tables import write_csv
from mmadf.experiments.studies.curves import band, steps_to_reach
from mmadf.experiments.studies.picture import draw_costs, draw_curves
from mmadf.experiments.studies.plan import Run
from mmadf.experiments.studies.results import Result
from mmadf.experiments.studies.rows import readout_rows, run_rows, summarise
from mmadf.experiments.studies.table import markdown, readout_markdown


def costs(trained, deployed):
    return dict(
        trained_parameters=trained * 1_000,
        trained_multiply_adds=trained * 1_000_000,
        deployed_parameters=deployed * 1_000,
        deployed_multiply_adds=deployed * 1_000_000,
    )


COSTS = {'plain': costs(1500, 1500), 'new': costs(3100, 2250)}


def result(variant, seed, test, seconds=60.0, curve=((1, 2), (50.0, 70.0)), **readouts):
    return Result(Run(variant, seed, None, None), test, curve, seconds, readouts)


RESULTS = [
    result('plain', 0, 80.0),
    result('new', 0, 81.0, 50.0, ((1, 2), (66.0, 75.0)), semantic=81.0, sum=83.0),
    result('plain', 1, 82.0),
    result('new', 1, 85.0, 70.0, ((1, 2), (74.0, 72.0)), semantic=85.0, sum=84.5),
]


def test_rows_hold_the_numbers_of_the_runs():
    pytest.importorskip('scipy')
    plain, new = summarise(RESULTS, 'plain', COSTS)
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


def test_markdown_shows_them():
    pytest.importorskip('scipy')
    rows = summarise(RESULTS, 'plain', COSTS)
    rows[1].update(simultaneous_low=-7.621, simultaneous_high=11.621)
    _, _, plain, new = markdown(rows, 'top1', 'plain').splitlines()
    assert plain == '| plain | 2 | 81.00 ± 1.41 | – | – | 2 | 1.5 | 1.5 | 60 |'
    assert new == (
        '| new | 2 | 83.00 ± 2.83 | +2.00 [-10.71, +14.71] | [-7.62, +11.62] '
        '| 1 | 3.1 → 2.25 | 3.1 → 2.25 | 60 |'
    )


def test_each_readout_is_compared_with_what_the_control_predicts():
    pytest.importorskip('scipy')
    semantic, total = readout_rows(RESULTS, 'plain')
    assert [semantic[k] for k in ('variant', 'readout', 'seeds')] == [
        'new',
        'semantic',
        2,
    ]
    assert (semantic['mean'], semantic['difference']) == (83.0, 2.0)
    assert (total['readout'], total['mean'], total['difference']) == (
        'sum',
        83.75,
        2.75,
    )
    text = readout_markdown([total], 'top1', 'plain')
    shown = text.splitlines()[2]
    # Differences 3 and 2.5: standard error 0.25.
    assert shown == '| new | sum | 2 | 83.75 ± 1.06 | +2.75 [-0.43, +5.93] |'


def test_one_seed_or_no_control_leaves_gaps_and_no_numbers():
    (row,) = summarise([result('new', 0, 81.0)], 'plain', COSTS)
    text = markdown([row], 'top1', 'plain')
    assert text.splitlines()[2].startswith('| new | 1 | 81.00 ± – | – | – |')
    _, new = summarise(RESULTS[:2], 'plain', COSTS)
    text = markdown([new], 'top1', 'plain')
    assert text.splitlines()[2].startswith('| new | 1 | 81.00 ± – | +1.00 | – |')


def test_csv_holds_full_numbers_and_empty_fields(tmp_path):
    write_csv(summarise(RESULTS[:2], 'plain', COSTS), tmp_path / 'table.csv')
    plain, new = csv.DictReader((tmp_path / 'table.csv').read_text().splitlines())
    assert (plain['difference'], plain['mean']) == ('', '80.0')
    assert (new['difference'], new['low']) == ('1.0', '')
    assert new['deployed_multiply_adds'] == '2250000000'


def test_each_run_is_a_row():
    assert run_rows(RESULTS)[3] == dict(
        variant='new', seed=1, test=85.0, best_validation=74.0, seconds=70.0
    )


def test_cost_picture_shows_every_variant_where_it_belongs(tmp_path):
    pytest.importorskip('scipy')
    pyplot = pytest.importorskip('matplotlib.pyplot')
    with mock.patch.object(pyplot, 'close'):
        rows = summarise(RESULTS, 'plain', COSTS)
        draw_costs(rows, 'top1', tmp_path / 'cost.png')
        (axes,) = pyplot.gcf().axes
    pyplot.close()
    assert [text.get_text() for text in axes.get_legend().texts] == ['plain', 'new']
    points = [line for line in axes.lines if line.get_marker() == 'o']
    hollow = [line for line in points if line.get_markerfacecolor() == 'none']
    filled = [line for line in points if line not in hollow]
    for lines, costs in ((filled, (1.5, 2.25)), (hollow, (1.5, 3.1))):
        found = np.concatenate([line.get_xydata() for line in lines])
        np.testing.assert_allclose(found, np.transpose([costs, (81, 83)]))
    assert axes.get_xlabel().startswith('GFLOPs')


def test_curves_of_many_variants_differ_in_look_and_each_has_its_name(tmp_path):
    pyplot = pytest.importorskip('matplotlib.pyplot')
    names = [f'variant {index}' for index in range(23)]
    with mock.patch.object(pyplot, 'close'):
        draw_curves([result(n, 0, 50) for n in names], 'top1', 'epoch', tmp_path / 'c')
        figure = pyplot.gcf()
    pyplot.close()
    lines = figure.axes[0].lines
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == 23
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.texts] == names


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


def test_steps_end_where_the_mean_over_seeds_is_at_the_level():
    group = [
        result('a', 0, 0, curve=((5, 10, 15), (30.0, 10.0, 50.0))),
        result('a', 1, 0, curve=((5, 10, 15), (20.0, 50.0, 10.0))),
    ]
    found = [steps_to_reach(group, level) for level in (20, 25, 25.1, 30)]
    assert found == [5, 5, 10, 10]
    assert math.isnan(steps_to_reach(group, 30.1))


def test_steps_of_each_variant_are_those_to_the_last_validation_of_the_control():
    pytest.importorskip('scipy')
    risen = result('fallen', 0, 50.0, curve=((1, 2, 3), (40.0, 72.0, 65.0)))
    costs = {**COSTS, 'fallen': COSTS['new']}
    expected = {
        'plain': (2, 1, 2),
        'new': (math.nan, 2, math.nan),
        'fallen': (2, 1, 2),
        'absent': (math.nan,) * 3,
    }
    for control, steps in expected.items():
        rows = summarise([*RESULTS, risen], control, costs)
        np.testing.assert_equal([row['steps'] for row in rows], steps)
