"""Accuracy over eps and over severity as one picture."""

from pathlib import Path
from typing import Dict, List, Sequence, Tuple

from mmadf.analysis.plots import import_pyplot, save_figure

from .summary import Row

Curve = Tuple[List[float], List[float]]

STYLES = dict(fgsm=':', bim='-.', pgd='-', autoattack='--')
TITLES = dict(
    attack='attacked', transfer='attack of another network', corruption='corrupted'
)


def draw(results: Dict[str, Sequence[Row]], path: Path) -> None:
    """Draw accuracy over eps, by attack, and over severity, the mean of corruptions.

    Args:
        results: rows by name of the network; one colour for each.
        path: picture to write.
    """
    plt = import_pyplot()
    present = {row.kind for rows in results.values() for row in rows}
    kinds = [kind for kind in TITLES if kind in present] or ['attack']
    figure, axes = plt.subplots(
        1,
        len(kinds),
        figsize=(5.5 * len(kinds), 4.5),
        squeeze=False,
        layout='constrained',
        sharey=True,
    )
    for panel, kind in zip(axes[0], kinds, strict=True):
        _panel(panel, kind, results)
    axes[0][0].set_ylabel('top-1 (%)')
    save_figure(figure, path)


def curves(rows: Sequence[Row], kind: str) -> Dict[str, Curve]:
    """Return strengths and accuracies by attack, from the clean images on.

    Args:
        rows: see `summarise`.
        kind: 'attack', 'transfer' or 'corruption'; of the last one curve, the mean of
            all corruptions, at the severities where all are known.
    """
    clean = {row.strength: [row.accuracy] for row in rows if row.kind == 'clean'}
    points: Dict[str, Dict[float, List[float]]] = {}
    for row in rows:
        if row.kind == kind:
            name = 'mean' if kind == 'corruption' else row.name
            of_name = points.setdefault(name, {})
            of_name.setdefault(row.strength, []).append(row.accuracy)
    found = {}
    for name, by_strength in points.items():
        full = max(map(len, by_strength.values()))
        whole = {s: a for s, a in sorted(by_strength.items()) if len(a) == full}
        known = {**clean, **whole}
        found[name] = list(known), [sum(a) / len(a) for a in known.values()]
    return found


def _panel(panel: object, kind: str, results: Dict[str, Sequence[Row]]) -> None:
    """Draw all networks under one kind of harm; strengths are evenly spaced.

    Colours tell the networks apart, strokes the attacks; of one network both do.
    """
    found = {name: curves(rows, kind) for name, rows in results.items()}
    ticks = sorted({s for c in found.values() for x, _ in c.values() for s in x})
    attacks = list(dict.fromkeys(attack for c in found.values() for attack in c))
    networks, many = list(results), len(results) > 1
    for network, by_attack in found.items():
        for attack, (strengths, accuracies) in by_attack.items():
            color = networks.index(network) if many else attacks.index(attack)
            style = dict(linestyle=STYLES.get(attack, '-'), color=f'C{color}')
            places = [ticks.index(strength) for strength in strengths]
            panel.plot(places, accuracies, marker='.', **style)
    for index, name in enumerate(networks if many else attacks):
        style = STYLES.get(name, '-')
        panel.plot([], [], color=f'C{index}', linestyle=style, label=name)
    if many and kind != 'corruption':
        for name in attacks:
            panel.plot([], [], color='gray', linestyle=STYLES.get(name), label=name)
    unit = 'severity' if kind == 'corruption' else 'eps in 1/255 (0: clean)'
    panel.set(xlabel=unit, title=TITLES[kind])
    panel.set_xticks(range(len(ticks)), [f'{tick:g}' for tick in ticks])
    panel.grid(alpha=0.3)
    panel.legend(fontsize='small')
