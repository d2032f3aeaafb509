"""Signs that gradients are masked, and attacks say less than they seem to.

Paper: the signs are those of Athalye et al., arXiv 1802.00420, and Carlini et al.,
arXiv 1902.06705.
Ours: the thresholds below, in points of accuracy, all on the same images.
"""

from typing import Dict, List, Sequence, Tuple

from .summary import Row

# What an attack may be weaker by than one that should be no stronger.
MARGIN = 2.0
# What the ensemble may take from PGD.
ENSEMBLE_MARGIN = 5.0
# What one step may leave above many steps.
ONE_STEP_MARGIN = 20.0
# From which eps (in 1/255) pixels are free, and what may be left there.
UNBOUNDED_EPS = 128
UNBOUNDED_ACCURACY = 1.0

MANY_STEPS = ('bim', 'pgd')
# AutoAttack also asks without gradients.
BY_GRADIENT = ('fgsm', *MANY_STEPS)


def masking_warnings(rows: Sequence[Row]) -> List[str]:
    """Return a sentence for each sign of masked gradients.

    Args:
        rows: see `summarise`; signs whose attacks are missing are not looked for.
    """
    found = []
    for eps in sorted({row.strength for row in rows if row.kind == 'attack'}):
        white, black = (
            {r.name: r.accuracy for r in rows if (r.kind, r.strength) == (kind, eps)}
            for kind in ('attack', 'transfer')
        )
        signs = [*_transfer(white, black), *_ensemble(white)]
        signs += _unbounded(white) if eps >= UNBOUNDED_EPS else _one_step(white)
        found += [f'eps {eps:g}/255: {sign}' for sign in signs]
    return found


def _strongest(accuracy: Dict[str, float], names: Sequence[str]) -> Tuple[str, float]:
    """Return the attack among `names` that leaves least, 100 % where there is none."""
    known = [(name.upper(), accuracy[name]) for name in names if name in accuracy]
    return min(known, key=lambda item: item[1], default=('no attack', 100.0))


def _one_step(white: Dict[str, float]) -> List[str]:
    if 'fgsm' not in white or not set(MANY_STEPS) & set(white):
        return []
    one, (name, many) = white['fgsm'], _strongest(white, MANY_STEPS)
    text = f'FGSM leaves {one:.2f} %, {name} {many:.2f} %: '
    if one < many - MARGIN:
        return [text + 'one step does more than many, gradients lead astray.']
    if one > many + ONE_STEP_MARGIN:
        return [text + 'FGSM alone says little; do not report it as robustness.']
    return []


def _transfer(white: Dict[str, float], black: Dict[str, float]) -> List[str]:
    (name, foreign), (own_name, own) = (
        _strongest(accuracy, BY_GRADIENT) for accuracy in (black, white)
    )
    if not set(white) & set(BY_GRADIENT) or foreign >= own - MARGIN:
        return []
    return [
        f'{name} made on another network leaves {foreign:.2f} %, {own_name} on this '
        f'one {own:.2f} %: its own gradients are worth less than foreign ones.'
    ]


def _ensemble(white: Dict[str, float]) -> List[str]:
    if not {'pgd', 'autoattack'} <= set(white):
        return []
    pgd, ensemble = white['pgd'], white['autoattack']
    if pgd - ensemble <= ENSEMBLE_MARGIN:
        return []
    return [
        f'AutoAttack leaves {ensemble:.2f} %, PGD {pgd:.2f} %: PGD fails where other '
        'losses, steps or queries do not.'
    ]


def _unbounded(white: Dict[str, float]) -> List[str]:
    name, left = _strongest(white, MANY_STEPS)
    if not set(MANY_STEPS) & set(white) or left <= UNBOUNDED_ACCURACY:
        return []
    return [
        f'{name} leaves {left:.2f} % where pixels are free: the attack fails, smaller '
        'eps say nothing.'
    ]
