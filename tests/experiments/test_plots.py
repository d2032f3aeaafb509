"""Figures show every variant and network where its numbers are."""

import numpy as np
import pytest

from mmadf.experiments.plots import plot_cost, plot_learning_curves, plot_robustness
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


def test_learning_curves_show_the_mean_and_the_test_result_of_each_seed(figure_of):
    figure = figure_of(plot_learning_curves, RESULTS, 'top1')
    curves, tests = figure.axes
    drawn = [line.get_xydata().tolist() for line in curves.lines]
    assert drawn == [[[1, 50], [2, 70]], [[1, 70], [2, 73.5]]]
    assert tests.lines[2].get_xydata().tolist() == [[81, 1], [85, 1]]
    assert tests.lines[3].get_xydata().tolist() == [[83, 1]]
    assert (curves.get_xlabel(), curves.get_ylabel()) == ('epoch', 'validation top1')


def test_curves_of_many_variants_differ_in_colour_or_style(figure_of):
    names = [f'variant {index}' for index in range(23)]
    results = [result(name, 0, 50) for name in names]
    figure = figure_of(plot_learning_curves, results, 'top1')
    lines = figure.axes[0].lines
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == 23
    assert texts(figure.legends[0]) == names


def test_cost_plot_shows_deployed_filled_and_training_hollow(figure_of):
    pytest.importorskip('scipy')
    rows = summarise(RESULTS, 'plain')
    (axes,) = figure_of(plot_cost, rows, 'top1').axes
    assert texts(axes.get_legend()) == ['plain', 'new']
    points = [line for line in axes.lines if line.get_marker() == 'o']
    hollow = [line for line in points if line.get_markerfacecolor() == 'none']
    filled = [line for line in points if line not in hollow]
    for lines, costs in ((filled, (1.5, 2.25)), (hollow, (1.5, 3.1))):
        found = np.concatenate([line.get_xydata() for line in lines])
        np.testing.assert_allclose(found, np.transpose([costs, (81, 83)]))


@pytest.mark.parametrize(
    ('networks', 'legend'), [('a', ['fgsm', 'pgd']), ('ab', ['a', 'b', 'fgsm', 'pgd'])]
)
def test_robustness_plot_has_a_panel_per_kind_and_a_curve_per_attack(
    networks, legend, figure_of
):
    panels = figure_of(plot_robustness, dict.fromkeys(networks, ROWS)).axes
    assert len(panels) == 3
    assert texts(panels[0].get_legend()) == legend
    drawn = [line.get_xydata().tolist() for line in panels[0].lines]
    # Strengths 0, 1 and 8 are evenly spaced.
    assert drawn.count([[0, 80], [1, 55], [2, 5]]) == len(networks)
    assert drawn.count([[0, 80], [1, 60]]) == len(networks)
    assert [[0, 80], [1, 65]] in [x.get_xydata().tolist() for x in panels[2].lines]
