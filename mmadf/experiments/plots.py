"""Figures of studies and of robustness tests."""

import math
from pathlib import Path
from typing import Dict, Sequence

import numpy as np

from mmadf.analysis.plots import literal, save_figure
from mmadf.analysis.style import (
    WIDTH,
    colors,
    import_pyplot,
    label_ends,
    label_point,
    metric_label,
    styled,
    whole_numbers,
)

from .robustness.summary import Row, accuracy_curves, mean_by_title
from .studies.results import Result, by_variant, tested_split
from .studies.statistics import mean_curve

ATTACK_NAMES = dict(fgsm='FGSM', bim='BIM', pgd='PGD', autoattack='AutoAttack')
PANELS = 5  # side by side in the comparison of networks
PANEL_TITLES = dict(
    attack='White-box attacks',
    transfer='Transfer attacks',
    corruption='Common corruptions (mean)',
)


@styled()
def plot_learning_curves(results: Sequence[Result], metric: str, path: Path) -> None:
    """Plot the validation metric over training and the test metric of each seed.

    Each variant has a row, in the order of the mean test metric. Its name stands
    between its learning curve on the left and its test results on the right. The curves
    begin after a third of the training, so that they can be told apart. If a study has
    no test images, the results are those of its validation images.

    Args:
        results: results of finished runs.
        metric: name of the metric.
        path: image file to write.
    """
    groups = by_variant(results)
    curves = {
        name: mean_curve([r.validation for r in of]) for name, of in groups.items()
    }
    tests = {name: [result.test for result in of] for name, of in groups.items()}
    names = sorted(groups, key=lambda name: -np.mean(tests[name]))
    size = (WIDTH, max(3.2, 1 + 0.24 * len(names)))
    figure, (left, right) = import_pyplot().subplots(1, 2, figsize=size)
    for row, (name, color) in enumerate(zip(names, colors(len(names)), strict=True)):
        start = len(curves[name][0]) // 3
        steps, mean, std = (values[start:] for values in curves[name])
        left.plot(steps, mean, color=color, marker='o', markersize=3, label=name)
        if len(names) <= 3:  # more bands cover each other
            band = dict(color=color, alpha=0.15, linewidth=0)
            left.fill_between(steps, mean - std, mean + std, **band)
        right.plot(tests[name], [row] * len(tests[name]), 'o', color=color, alpha=0.5)
        right.plot(np.mean(tests[name]), row, '|', color=color, markersize=14, mew=2)
        place = 1.1, 1 - (row + 0.5) / len(names)
        label_point(left, (steps[-1], mean[-1]), place, name, color)
    label = literal(metric_label(metric))
    bands = ' ± std' if len(names) <= 3 else ''
    left.set(xlabel=results[0].unit, ylabel=f'validation {label}')
    left.set_title(f'Learning curves (mean{bands} over seeds)')
    whole_numbers(left.xaxis)
    split = tested_split(results)
    right.set(xlabel=f'{split} {label}', ylim=(len(names) - 0.5, -0.5), yticks=[])
    right.set_title(f'{split.capitalize()} results (dot: seed, bar: mean)')
    right.spines['left'].set_visible(False)
    save_figure(figure, path)


@styled()
def plot_cost(
    rows: Sequence[dict], metric: str, path: Path, split: str = 'test'
) -> None:
    """Plot the test metric over the multiply-adds, in training and deployed.

    One error bar shows the size of the standard deviation of all variants (root of the
    mean variance), because their own bars would cover each other.

    Args:
        rows: see `studies.summary.summarise`.
        metric: name of the metric.
        path: image file to write.
        split: name of the images that the metric is of.
    """
    size = (WIDTH, max(4.0, 1.2 + 0.24 * len(rows)))
    figure, axes = import_pyplot().subplots(figsize=size)
    rows = sorted(rows, key=lambda row: -row['mean'])  # as the learning curves
    costs = {
        phase: np.array([row[f'{phase}_multiply_adds'] for row in rows]) / 1e6
        for phase in ('deployed', 'trained')
    }
    unit = 'M'
    if costs['trained'].max() >= 1e3:
        costs, unit = {phase: cost / 1e3 for phase, cost in costs.items()}, 'G'
    means = [row['mean'] for row in rows]
    for mean, deployed, trained, color in zip(
        means, costs['deployed'], costs['trained'], colors(len(rows)), strict=True
    ):
        axes.plot([deployed, trained], [mean, mean], color=color, linewidth=1)
        axes.plot(trained, mean, 'o', color=color, markerfacecolor='white')
        axes.plot(deployed, mean, 'o', color=color)
    label = literal(metric_label(metric))
    axes.set(xlabel=f'multiply-adds ({unit})', ylabel=f'{split} {label}')
    axes.set_title(
        f'{split.capitalize()} results (mean over seeds) and cost; filled: deployed, '
        'hollow: in training'
    )
    _draw_deviation(axes, [row['deviation'] for row in rows])
    ends = list(zip(costs['trained'], means, strict=True))
    label_ends(axes, ends, [row['variant'] for row in rows], colors(len(rows)))
    save_figure(figure, path)


def _draw_deviation(axes: object, deviations: Sequence[float]) -> None:
    """Draw an error bar of the pooled standard deviation in the upper left corner."""
    known = [deviation for deviation in deviations if np.isfinite(deviation)]
    if not known:
        return
    pooled = float(np.sqrt(np.mean(np.square(known))))
    low, high = axes.get_ylim()
    middle = high - pooled
    where = dict(capsize=3, elinewidth=1.2, transform=axes.get_yaxis_transform())
    axes.errorbar(0.03, middle, pooled, color='0.35', **where)
    text = f'± {pooled:.2g} (pooled std over seeds)'
    where = dict(rotation=90, va='top', transform=axes.transAxes)
    axes.text(0.04, 0.98, text, color='0.35', **where)
    axes.margins(x=0.1)  # no point lies on the error bar or its label
    axes.set_ylim(min(low, middle - 1.1 * pooled), high)


@styled()
def plot_robustness(rows: Sequence[Row], path: Path) -> None:
    """Plot the accuracy of a network over the strength of attacks and of corruptions.

    Args:
        rows: see `robustness.summary.summarise`.
        path: image file to write.
    """
    present = {row.kind for row in rows}
    kinds = [kind for kind in PANEL_TITLES if kind in present] or ['attack']
    size = (max(5.0, WIDTH * len(kinds) / 3), 3.2)
    figure, panels = import_pyplot().subplots(
        1, len(kinds), figsize=size, squeeze=False, sharey=True
    )
    for axes, kind in zip(panels[0], kinds, strict=True):
        _plot_kind(axes, kind, rows)
    panels[0][0].set_ylabel('top-1 accuracy (%)')
    save_figure(figure, path)


def _plot_kind(axes: object, kind: str, rows: Sequence[Row]) -> None:
    """Plot one kind of condition, with evenly spaced strengths."""
    curves = accuracy_curves(rows, kind)
    ticks = sorted({s for strengths, _ in curves.values() for s in strengths})
    color_of = dict(zip(ATTACK_NAMES, colors(len(ATTACK_NAMES)), strict=True))
    for attack, (strengths, accuracies) in curves.items():
        places = [ticks.index(strength) for strength in strengths]
        color = color_of.get(attack, color_of['fgsm'])
        name = ATTACK_NAMES.get(attack, attack)
        axes.plot(places, accuracies, marker='o', color=color, label=name)
    severity = kind == 'corruption'
    if curves and not severity:
        axes.legend()
    axes.set(xlabel='severity' if severity else 'ε in units of 1/255')
    axes.set_title(PANEL_TITLES[kind])
    axes.set_xticks(
        range(len(ticks)), [f'{tick:g}' if tick else 'clean' for tick in ticks]
    )


@styled()
def plot_robustness_comparison(
    results: Dict[str, Sequence[Sequence[Row]]], path: Path
) -> None:
    """Plot the accuracy of several networks, one panel per condition that they share.

    Each network has a row, in the order given.

    Args:
        results: by network, the rows of each test, see `robustness.summary.summarise`;
            one test per training seed.
        path: image file to write.
    """
    accuracies = mean_by_title(results, 'accuracy')
    names, columns = list(results), min(PANELS, len(accuracies))
    lines = math.ceil(len(accuracies) / columns)
    size = (WIDTH, 0.5 + lines * (0.8 + 0.22 * len(names)))
    figure, panels = import_pyplot().subplots(
        lines, columns, figsize=size, squeeze=False, sharey=True
    )
    for axes in panels.flat[len(accuracies) :]:
        axes.axis('off')
    for axes, (title, tests) in zip(panels.flat, accuracies.items(), strict=False):
        for row, color in enumerate(colors(len(names))):
            values = tests[names[row]]
            axes.plot(values, [row] * len(values), 'o', color=color, alpha=0.5)
            axes.plot(np.mean(values), row, '|', color=color, markersize=12, mew=2)
        axes.set_title(literal(title).replace(', ', '\n'), fontsize=10)
        axes.margins(x=0.1)
    panels[0][0].set(ylim=(len(names) - 0.5, -0.5))
    panels[0][0].set_yticks(range(len(names)), map(literal, names))
    figure.supxlabel('top-1 accuracy (%); dot: seed, bar: mean', fontsize=10)
    save_figure(figure, path)
