"""The course and the outcome of a study, and what it costs, as pictures."""

from pathlib import Path
from typing import Sequence

import numpy as np

from mmadf.analysis.plots import import_pyplot, save_figure

from .curves import band
from .results import Result, by_variant

# There are ten colours; further variants differ in these.
STYLES, MARKERS = ('-', '--', ':'), 'os^'


def draw_curves(results: Sequence[Result], metric: str, unit: str, path: Path) -> None:
    """Draw validation over training, mean and spread, and the test set by seed.

    Args:
        results: of finished runs.
        metric: name of what was measured.
        unit: of the steps, 'epoch' or 'iteration'.
        path: picture to write.
    """
    plt = import_pyplot()
    groups = by_variant(results)
    size = (11, max(4.5, 2.5 + len(groups) / 4))
    figure, (left, right) = plt.subplots(1, 2, figsize=size, layout='constrained')
    for index, (name, group) in enumerate(groups.items()):
        steps, mean, deviation = band(group)
        style = dict(color=f'C{index % 10}', ls=STYLES[index // 10 % 3])
        (line,) = left.plot(steps, mean, marker='.', label=name, **style)
        color = line.get_color()
        left.fill_between(
            steps, mean - deviation, mean + deviation, color=color, alpha=0.12, lw=0
        )
        tests = [result.test for result in group]
        right.plot(tests, [index] * len(tests), 'o', color=color, alpha=0.6)
        right.plot(np.mean(tests), index, '|', color=color, markersize=22, mew=2)
    left.set(xlabel=unit, ylabel=metric, title='validation, mean ± deviation of seeds')
    left.xaxis.get_major_locator().set_params(integer=True)
    figure.legend(loc='outside lower center', ncols=5)
    right.set(xlabel=metric, title='test, each seed and mean')
    right.set_yticks(range(len(groups)), list(groups))
    right.invert_yaxis()
    for axes in (left, right):
        axes.grid(alpha=0.3)
    save_figure(figure, path)


def draw_costs(rows: Sequence[dict], metric: str, path: Path) -> None:
    """Draw the metric over the cost of a forward pass, deployed and in training.

    Args:
        rows: see `summarise`; means are drawn with their standard deviation.
        metric: name of what was measured.
        path: picture to write.
    """
    plt = import_pyplot()
    figure, axes = plt.subplots(figsize=(9, 5), layout='constrained')
    for index, row in enumerate(rows):
        color, marker = f'C{index % 10}', MARKERS[index // 10 % 3]
        mean, width = row['mean'], np.nan_to_num(row['deviation'])
        costs = [row[f'{w}_multiply_adds'] / 1e9 for w in ('deployed', 'trained')]
        style = dict(color=color, marker=marker, ls='')
        axes.errorbar(costs[0], mean, width, capsize=3, label=row['variant'], **style)
        axes.plot(costs, [mean, mean], ':', color=color, lw=1)
        axes.plot(costs[1], mean, mfc='none', **style)
    axes.set(
        xlabel='GFLOPs (multiply-adds): filled deployed, hollow in training',
        ylabel=metric,
        title='test, mean ± deviation of seeds',
    )
    axes.legend(loc='center left', bbox_to_anchor=(1, 0.5))
    axes.grid(alpha=0.3)
    save_figure(figure, path)
