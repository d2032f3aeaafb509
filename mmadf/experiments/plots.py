"""Figures of studies and of robustness tests."""

from pathlib import Path
from typing import Dict, List, Sequence

import numpy as np

from mmadf.analysis.plots import import_pyplot, literal, save_figure

from .robustness.summary import Row, accuracy_curves
from .studies.results import Result, by_variant
from .studies.statistics import mean_curve

# Matplotlib has ten colours; further variants differ in line style and marker.
LINE_STYLES, MARKERS = ('-', '--', ':'), 'os^'
ATTACK_STYLES = dict(fgsm=':', bim='-.', pgd='-', autoattack='--')
PANEL_TITLES = dict(
    attack='White-box attacks',
    transfer='Transfer attacks',
    corruption='Common corruptions, mean',
)


def plot_learning_curves(results: Sequence[Result], metric: str, path: Path) -> None:
    """Plot the validation metric over training and the test metric of each seed.

    Args:
        results: results of finished runs.
        metric: name of the metric.
        path: image file to write.
    """
    plt = import_pyplot()
    groups = by_variant(results)
    size = (11, max(4.5, 2.5 + len(groups) / 4))
    figure, (left, right) = plt.subplots(1, 2, figsize=size, layout='constrained')
    for index, (name, group) in enumerate(groups.items()):
        color, style = f'C{index % 10}', LINE_STYLES[index // 10 % 3]
        steps, mean, std = mean_curve([result.validation for result in group])
        left.plot(steps, mean, marker='.', label=name, color=color, linestyle=style)
        left.fill_between(
            steps, mean - std, mean + std, color=color, alpha=0.12, linewidth=0
        )
        tests = [result.test for result in group]
        right.plot(tests, [index] * len(tests), 'o', color=color, alpha=0.6)
        right.plot(np.mean(tests), index, '|', color=color, markersize=22, mew=2)
    left.set(
        xlabel=results[0].unit,
        ylabel=literal(f'validation {metric}'),
        title='Learning curves (mean ± std over seeds)',
    )
    left.xaxis.get_major_locator().set_params(integer=True)
    right.set(xlabel=literal(f'test {metric}'))
    right.set(title='Test results (dot: seed, bar: mean)')
    right.set_yticks(range(len(groups)), list(groups))
    right.invert_yaxis()
    for axes in (left, right):
        axes.grid(alpha=0.3)
    figure.legend(loc='outside lower center', ncols=5)
    save_figure(figure, path)


def plot_cost(rows: Sequence[dict], metric: str, path: Path) -> None:
    """Plot the test metric over the multiply-adds, in training and deployed.

    Args:
        rows: see `studies.summary.summarise`.
        metric: name of the metric.
        path: image file to write.
    """
    plt = import_pyplot()
    figure, axes = plt.subplots(figsize=(9, 5), layout='constrained')
    for index, row in enumerate(rows):
        color = f'C{index % 10}'
        style = dict(color=color, marker=MARKERS[index // 10 % 3], linestyle='')
        mean, std = row['mean'], np.nan_to_num(row['deviation'])
        deployed, trained = (
            row[f'{phase}_multiply_adds'] / 1e9 for phase in ('deployed', 'trained')
        )
        axes.errorbar(deployed, mean, std, capsize=3, label=row['variant'], **style)
        axes.plot([deployed, trained], [mean, mean], ':', color=color, linewidth=1)
        axes.plot(trained, mean, markerfacecolor='none', **style)
    axes.set(
        xlabel='GFLOPs (multiply-adds); filled: deployed, hollow: in training',
        ylabel=literal(f'test {metric}'),
        title='Test results over computational cost (mean ± std over seeds)',
    )
    axes.legend(loc='center left', bbox_to_anchor=(1, 0.5))
    axes.grid(alpha=0.3)
    save_figure(figure, path)


def plot_robustness(results: Dict[str, Sequence[Row]], path: Path) -> None:
    """Plot accuracy over the strength of attacks and of corruptions.

    Args:
        results: rows of each network, see `robustness.summary.summarise`.
        path: image file to write.
    """
    plt = import_pyplot()
    present = {row.kind for rows in results.values() for row in rows}
    kinds = [kind for kind in PANEL_TITLES if kind in present] or ['attack']
    figure, panels = plt.subplots(
        1,
        len(kinds),
        figsize=(5.5 * len(kinds), 4.5),
        squeeze=False,
        layout='constrained',
        sharey=True,
    )
    for axes, kind in zip(panels[0], kinds, strict=True):
        _plot_kind(axes, kind, results)
    panels[0][0].set_ylabel('top-1 accuracy (%)')
    save_figure(figure, path)


def _plot_kind(axes: object, kind: str, results: Dict[str, Sequence[Row]]) -> None:
    """Plot one kind of condition, with evenly spaced strengths.

    Colours distinguish the networks and line styles the attacks; for a single network,
    both distinguish the attacks.
    """
    curves = {name: accuracy_curves(rows, kind) for name, rows in results.items()}
    attacks = list(dict.fromkeys(attack for of in curves.values() for attack in of))
    ticks = sorted({s for of in curves.values() for x, _ in of.values() for s in x})
    colored = list(results) if len(results) > 1 else attacks
    for network, of_network in curves.items():
        for attack, (strengths, accuracies) in of_network.items():
            key = network if len(results) > 1 else attack
            axes.plot(
                [ticks.index(strength) for strength in strengths],
                accuracies,
                marker='.',
                color=f'C{colored.index(key)}',
                linestyle=ATTACK_STYLES.get(attack, '-'),
            )
    _add_legend(axes, colored, attacks if len(results) > 1 else [])
    severity = kind == 'corruption'
    axes.set(
        xlabel='severity (0: clean)'
        if severity
        else 'eps in units of 1/255 (0: clean)',
        title=PANEL_TITLES[kind],
    )
    axes.set_xticks(range(len(ticks)), [f'{tick:g}' for tick in ticks])
    axes.grid(alpha=0.3)


def _add_legend(axes: object, colored: List[str], attacks: List[str]) -> None:
    """Add a legend entry for each colour and, if there are any, for each attack."""
    for index, name in enumerate(colored):
        style = ATTACK_STYLES.get(name, '-')
        axes.plot([], [], color=f'C{index}', linestyle=style, label=literal(name))
    for name in attacks:
        if name in ATTACK_STYLES:
            style = ATTACK_STYLES[name]
            axes.plot([], [], color='gray', linestyle=style, label=name)
    axes.legend(fontsize='small')
