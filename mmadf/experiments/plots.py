"""Figures of studies and of robustness tests."""

from pathlib import Path
from typing import Dict, List, Sequence

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

from .robustness.summary import Row, accuracy_curves
from .studies.results import Result, by_variant, tested_split
from .studies.statistics import mean_curve

ATTACK_STYLES = dict(fgsm=':', bim='-.', pgd='-', autoattack='--')
ATTACK_NAMES = dict(fgsm='FGSM', bim='BIM', pgd='PGD', autoattack='AutoAttack')
PANEL_TITLES = dict(
    attack='White-box attacks',
    transfer='Transfer attacks',
    corruption='Common corruptions (mean)',
)


@styled()
def plot_learning_curves(results: Sequence[Result], metric: str, path: Path) -> None:
    """Plot the validation metric over training and the test metric of each seed.

    Each variant has a row, in the order of the mean test metric. Its name stands
    between its learning curve on the left and its test results on the right. If a study
    has no test images, these are the results of its validation images.

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
        steps, mean, std = curves[name]
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
def plot_robustness(results: Dict[str, Sequence[Row]], path: Path) -> None:
    """Plot accuracy over the strength of attacks and of corruptions.

    Args:
        results: rows of each network, see `robustness.summary.summarise`.
        path: image file to write.
    """
    present = {row.kind for rows in results.values() for row in rows}
    kinds = [kind for kind in PANEL_TITLES if kind in present] or ['attack']
    size = (max(5.0, WIDTH * len(kinds) / 3), 3.6)
    figure, panels = import_pyplot().subplots(
        1, len(kinds), figsize=size, squeeze=False, sharey=True
    )
    for axes, kind in zip(panels[0], kinds, strict=True):
        _plot_kind(axes, kind, results)
    panels[0][0].set_ylabel('top-1 accuracy (%)')
    entries: Dict[str, object] = {}
    for axes in panels[0]:
        handles, labels = axes.get_legend_handles_labels()
        entries = {**dict(zip(labels, handles, strict=True)), **entries}
    _add_legend_below(figure, entries)
    save_figure(figure, path)


def _add_legend_below(figure: object, entries: Dict[str, object]) -> None:
    """Add a legend below the panels, in as many columns as fit into the figure."""
    for columns in range(len(entries), 0, -1):
        legend = figure.legend(
            entries.values(), entries, loc='outside lower center', ncols=columns
        )
        if columns == 1 or legend.get_window_extent().width <= figure.bbox.width:
            return
        legend.remove()


def _plot_kind(axes: object, kind: str, results: Dict[str, Sequence[Row]]) -> None:
    """Plot one kind of condition, with evenly spaced strengths.

    Colours distinguish the networks and line styles the attacks; for a single network,
    both distinguish the attacks.
    """
    curves = {name: accuracy_curves(rows, kind) for name, rows in results.items()}
    attacks = list(dict.fromkeys(attack for of in curves.values() for attack in of))
    ticks = sorted({s for of in curves.values() for x, _ in of.values() for s in x})
    colored = list(results) if len(results) > 1 else attacks
    color_of = dict(zip(colored, colors(len(colored)), strict=True))
    for network, of_network in curves.items():
        for attack, (strengths, accuracies) in of_network.items():
            key = network if len(results) > 1 else attack
            axes.plot(
                [ticks.index(strength) for strength in strengths],
                accuracies,
                marker='o',
                markersize=3,
                color=color_of[key],
                linestyle=ATTACK_STYLES.get(attack, '-'),
            )
    _name_entries(axes, color_of, attacks if len(results) > 1 else [])
    severity = kind == 'corruption'
    axes.set(xlabel='severity' if severity else 'ε in units of 1/255')
    axes.set_title(PANEL_TITLES[kind])
    axes.set_xticks(
        range(len(ticks)), [f'{tick:g}' if tick else 'clean' for tick in ticks]
    )


def _name_entries(axes: object, color_of: Dict[str, str], attacks: List[str]) -> None:
    """Add an entry to the legend for each colour and, if there are any, each attack."""
    for name, color in color_of.items():
        label = literal(ATTACK_NAMES.get(name, name))
        style = ATTACK_STYLES.get(name, '-')
        axes.plot([], [], color=color, linestyle=style, label=label)
    for name in attacks:
        if name in ATTACK_STYLES:
            style = ATTACK_STYLES[name]
            axes.plot([], [], color='0.4', linestyle=style, label=ATTACK_NAMES[name])
