"""One style for all figures, and names beside the data."""

import numpy as np
import pytest

from mmadf.analysis import style

pytest.importorskip('matplotlib')


def test_settings_of_the_caller_are_restored():
    from matplotlib import rcParams

    before = rcParams['axes.grid'], rcParams['savefig.dpi']
    with style.styled():
        assert rcParams['savefig.dpi'] == style.DPI
    assert (rcParams['axes.grid'], rcParams['savefig.dpi']) == before


@pytest.mark.parametrize('count', [1, 6, 7, 19, 40])
def test_colours_differ_and_can_be_seen_on_white(count):
    from matplotlib.colors import to_rgb

    found = style.colors(count)
    assert len(set(found)) == count
    grey = [np.dot((0.2126, 0.7152, 0.0722), np.power(to_rgb(c), 2.2)) for c in found]
    assert max(grey) < 0.53  # a contrast to white of 1.8


def test_neighbouring_colours_differ_for_colour_blind_readers():
    """Deuteranopia by Vienot's matrix; distances of Lab would need another package."""
    from matplotlib.colors import to_rgb

    blind = np.array([[0.29, 0.71, 0], [0.29, 0.71, 0], [-0.02, 0.02, 1]])
    seen = [blind @ np.square(to_rgb(color)) for color in style.PALETTE]
    pairs = [(a, b) for i, a in enumerate(seen) for b in seen[:i]]
    assert min(np.abs(a - b).max() for a, b in pairs) > 0.08


@pytest.mark.parametrize('heights', [[0.5, 0.5, 0.5], [0.9, 0.1, 0.95, 0.2], [0, 0, 1]])
def test_spread_heights_are_the_closest_ones(heights):
    minimize = pytest.importorskip('scipy.optimize').minimize
    gap = 0.2
    found = style.spread(heights, gap)
    order = np.argsort(heights, kind='stable')
    limits = [(0, 1)] * len(heights)
    apart = [
        dict(type='ineq', fun=lambda h, a=a, b=b: h[b] - h[a] - gap)
        for a, b in zip(order, order[1:], strict=False)
    ]
    start = np.empty(len(heights))
    start[order] = np.linspace(0, 1, len(heights))
    best = minimize(
        lambda h: np.square(h - heights).sum(), start, bounds=limits, constraints=apart
    )
    np.testing.assert_allclose(found, best.x, atol=1e-3)


@pytest.mark.parametrize(
    ('metric', 'label'),
    [('accuracy/top5', 'top-5 accuracy (%)'), ('single-label/f1-score',) * 2],
)
def test_metrics_have_their_usual_names(metric, label):
    assert style.metric_label(metric) == label
