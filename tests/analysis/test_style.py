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


def test_colours_differ_and_can_be_seen_on_white():
    from matplotlib.colors import to_rgb

    for count in (1, 6, 7, 19, 40):
        found = style.colors(count)
        assert len(set(found)) == count
        light = [
            np.power(to_rgb(color), 2.2) @ (0.2126, 0.7152, 0.0722) for color in found
        ]
        assert max(light) < 0.53  # a contrast to white of 1.8


def test_neighbouring_colours_differ_for_colour_blind_readers():
    """Deuteranopia by Vienot's matrix; distances of Lab would need another package."""
    from matplotlib.colors import to_rgb

    blind = np.array([[0.29, 0.71, 0], [0.29, 0.71, 0], [-0.02, 0.02, 1]])
    seen = [blind @ np.square(to_rgb(color)) for color in style.PALETTE]
    pairs = [(a, b) for i, a in enumerate(seen) for b in seen[:i]]
    assert min(np.abs(a - b).max() for a, b in pairs) > 0.08


def test_whole_numbers_are_the_only_ticks():
    with style.styled() as plt:
        axes = plt.figure().subplots()
        style.whole_numbers(axes.xaxis)
        found = []
        for last in (1, 2, 10, 1000):
            axes.set_xlim(0, last)
            found.append([tick for tick in axes.get_xticks() if 0 <= tick <= last])
        axes.set_xlim(0.9, 1.1)
        assert [tick for tick in axes.get_xticks() if 0.9 <= tick <= 1.1] == [1]
        plt.close()
    steps = [np.diff(ticks)[0] for ticks in found]
    assert steps == [1, 1, 2, 200]
    assert all(tick.is_integer() for ticks in found for tick in ticks)


def test_spread_heights_are_the_closest_ones():
    for heights in ([0.5, 0.5, 0.5], [0.9, 0.1, 0.95, 0.2], [0, 0, 1]):
        best = closest(heights, gap=0.2)
        np.testing.assert_allclose(style.spread(heights, 0.2), best, atol=1e-3)


def closest(heights, gap):
    """Return the heights by numerical optimisation."""
    minimize = pytest.importorskip('scipy.optimize').minimize
    order = np.argsort(heights, kind='stable')
    limits = [(0, 1)] * len(heights)
    apart = [
        dict(type='ineq', fun=lambda h, a=a, b=b: h[b] - h[a] - gap)
        for a, b in zip(order, order[1:], strict=False)
    ]
    start = np.empty(len(heights))
    start[order] = np.linspace(0, 1, len(heights))
    return minimize(
        lambda h: np.square(h - heights).sum(), start, bounds=limits, constraints=apart
    ).x


def test_metrics_have_their_usual_names():
    assert style.metric_label('accuracy/top5') == 'top-5 accuracy (%)'
    assert style.metric_label('single-label/f1-score') == 'single-label/f1-score'
