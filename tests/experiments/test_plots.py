"""Figures show every variant and network where its numbers are."""

from functools import partial

import numpy as np
import pytest

from mmadf.experiments.plots import (
    plot_cost,
    plot_learning_curves,
    plot_robustness,
    plot_robustness_comparison,
)
from mmadf.experiments.studies.summary import summarise
from tests.experiments.robustness.examples import ROWS
from tests.experiments.studies.examples import RESULTS, result


@pytest.fixture
def figure_of(tmp_path, monkeypatch):
    """Call a plot function; return the figure that it has written."""
    pyplot = pytest.importorskip('matplotlib.pyplot')

    def _figure_of(plot, *arguments):
        with monkeypatch.context() as patch:
            patch.setattr(pyplot, 'close', lambda figure: None)
            plot(*arguments, tmp_path / 'new' / 'figure.png')
        written = (tmp_path / 'new' / 'figure.png').read_bytes()
        assert written.startswith(b'\x89PNG')
        return pyplot.gcf()

    yield _figure_of
    pyplot.close('all')


def texts(legend):
    return [text.get_text() for text in legend.get_texts()]


def names_of(figure):
    """Return the names that are written beside the data, from top to bottom."""
    found = [a for axes in figure.axes for a in axes.texts if hasattr(a, 'xyann')]
    return [a.get_text() for a in sorted(found, key=lambda a: -a.xyann[1])]


def test_learning_curves_show_the_mean_and_the_test_result_of_each_seed(figure_of):
    figure = figure_of(plot_learning_curves, RESULTS, 'accuracy/top1')
    curves, tests = figure.axes
    drawn = [line.get_xydata().tolist() for line in curves.lines]
    assert drawn == [[[1, 70], [2, 73.5]], [[1, 50], [2, 70]]]
    assert tests.lines[0].get_xydata().tolist() == [[81, 0], [85, 0]]
    assert tests.lines[1].get_xydata().tolist() == [[83, 0]]
    assert curves.get_xlabel() == 'epoch'
    assert curves.get_ylabel() == 'validation top-1 accuracy (%)'


def test_results_of_validation_images_are_not_called_test_results(figure_of):
    pytest.importorskip('scipy')
    results = [result._replace(held_out=False) for result in RESULTS]
    curves = figure_of(plot_learning_curves, results, 'top1').axes[1]
    plot = partial(plot_cost, split='validation')
    (cost,) = figure_of(plot, summarise(results, 'plain'), 'top1').axes
    for axes, label in ((curves, curves.get_xlabel()), (cost, cost.get_ylabel())):
        assert axes.get_title('left').startswith('Validation results')
        assert label.startswith('validation ')


@pytest.mark.parametrize('count', [6, 19])
def test_variants_are_named_beside_their_row_each_in_a_colour_of_its_own(
    count, figure_of
):
    names = [f'variant {index}' for index in range(count)]
    results = [result(name, 0, index) for index, name in enumerate(names)]
    figure = figure_of(plot_learning_curves, results, 'top1')
    assert not figure.legends and figure.axes[0].get_legend() is None
    assert len({line.get_color() for line in figure.axes[0].lines}) == count
    assert names_of(figure) == names[::-1]
    rows = figure.axes[1].lines[::2]
    assert [line.get_xydata()[0].tolist() for line in rows] == [
        [index, count - 1 - index] for index in reversed(range(count))
    ]


def test_epochs_on_the_axis_are_whole_numbers_even_after_the_first(figure_of):
    results = [result('plain', 0, 50, curve=((1,), (40.0,)))]
    axes = figure_of(plot_learning_curves, results, 'top1').axes[0]
    assert all(tick == int(tick) for tick in axes.get_xticks())


def test_cost_plot_shows_deployed_filled_and_training_hollow(figure_of):
    pytest.importorskip('scipy')
    rows = summarise(RESULTS, 'plain')
    figure = figure_of(plot_cost, rows, 'top1')
    (axes,) = figure.axes
    assert names_of(figure) == ['new', 'plain']
    assert axes.get_xlabel() == 'multiply-adds (G)'
    points = [line for line in axes.lines if line.get_marker() == 'o']
    hollow = [line for line in points if line.get_markerfacecolor() == 'white']
    filled = [line for line in points if line not in hollow]
    for lines, costs in ((filled, (2.25, 1.5)), (hollow, (3.1, 1.5))):
        found = np.concatenate([line.get_xydata() for line in lines])
        np.testing.assert_allclose(found, np.transpose([costs, (83, 81)]))


def test_cost_plot_of_many_variants_has_one_error_bar(figure_of):
    """Deviations of 1 and 7 have the root mean square 5."""
    rows = [
        dict(row, variant=f'v{index}', deviation=1.0 if index % 2 else 7.0)
        for index, row in enumerate(20 * summarise(RESULTS[:1], 'plain'))
    ]
    figure = figure_of(plot_cost, rows, 'top1')
    (axes,) = figure.axes
    (bar,) = axes.containers
    (x, low), (_, high) = bar.lines[2][0].get_segments()[0]
    assert (high - low) / 2 == pytest.approx(5)
    assert (
        len({line.get_color() for line in axes.lines if line.get_marker() == 'o'}) == 20
    )
    assert axes.get_legend() is None


def test_robustness_plot_has_a_panel_per_kind_and_a_curve_per_attack(figure_of):
    panels = figure_of(plot_robustness, ROWS).axes
    assert len(panels) == 3
    assert texts(panels[0].get_legend()) == ['FGSM', 'PGD']
    drawn = [line.get_xydata().tolist() for line in panels[0].lines]
    # Strengths 0, 1 and 8 are evenly spaced.
    assert drawn == [[[0, 80], [1, 60]], [[0, 80], [1, 55], [2, 5]]]
    assert [[0, 80], [1, 65]] in [x.get_xydata().tolist() for x in panels[2].lines]
    assert panels[2].get_legend() is None


@pytest.mark.filterwarnings('error')
def test_robustness_plot_of_clean_images_has_an_empty_panel(figure_of):
    (panel,) = figure_of(plot_robustness, ROWS[:1]).axes
    assert panel.lines[:] == [] and panel.get_legend() is None


def test_robustness_of_networks_has_a_panel_per_condition_and_a_dot_per_test(figure_of):
    worse = [row._replace(accuracy=row.accuracy - 4) for row in ROWS]
    figure = figure_of(plot_robustness_comparison, dict(a=[ROWS, worse], b=[ROWS]))
    panels = {axes.get_title(loc='left'): axes for axes in figure.axes}
    assert list(panels)[:2] == ['clean', 'fgsm\neps 1/255']
    lines = [line.get_xydata().tolist() for line in panels['pgd\neps 8/255'].lines]
    assert lines == [[[5, 0], [1, 0]], [[3, 0]], [[5, 1]], [[5, 1]]]
    # Accuracies of 70, 60 and 50 under corruptions.
    assert panels['corrupted\nmean'].lines[2].get_xydata().tolist() == [[60, 1]]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == [
        'a',
        'b',
    ]


def test_band_of_the_learning_curves_is_the_deviation_over_seeds(figure_of):
    curves, _ = figure_of(plot_learning_curves, RESULTS, 'accuracy/top1').axes
    new, plain = (band.get_paths()[0].vertices for band in curves.collections)
    for vertices, step, values in (
        (new, 1, (66.0, 74.0)),
        (new, 2, (75.0, 72.0)),
        (plain, 2, (70.0, 70.0)),
    ):
        heights = vertices[vertices[:, 0] == step, 1]
        mean, deviation = np.mean(values), np.std(values, ddof=1)
        expected = pytest.approx((mean - deviation, mean + deviation))
        assert (heights.min(), heights.max()) == expected
