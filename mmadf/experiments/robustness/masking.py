"""Signs of gradient masking, which makes attacks overestimate robustness.

Paper: the signs are those of Athalye et al., arXiv 1802.00420, and Carlini et al.,
arXiv 1902.06705.
Ours: the thresholds, in percentage points of accuracy on the same images.
"""

from typing import Dict, List, Sequence, Tuple

from .summary import Row

# Tolerance where an attack should be at least as strong as another one.
MARGIN = 2.0
# How far AutoAttack may fall below PGD.
ENSEMBLE_MARGIN = 5.0
# How far one-step FGSM may stay above attacks of many steps.
ONE_STEP_MARGIN = 20.0
# From this eps (in 1/255) the perturbation counts as unbounded; the accuracy left then.
UNBOUNDED_EPS = 128
UNBOUNDED_ACCURACY = 1.0

MANY_STEPS = ('bim', 'pgd')
# AutoAttack is not among them: its Square attack uses no gradients.
GRADIENT_BASED = ('fgsm', *MANY_STEPS)


def masking_warnings(rows: Sequence[Row]) -> List[str]:
    """Return a sentence for each sign of gradient masking.

    Args:
        rows: see `summarise`. Signs that need an attack without a row are skipped.
    """
    warnings = []
    for eps in sorted({row.strength for row in rows if row.kind == 'attack'}):
        white, transfer = (
            {r.name: r.accuracy for r in rows if (r.kind, r.strength) == (kind, eps)}
            for kind in ('attack', 'transfer')
        )
        signs = [*_transfer(white, transfer), *_ensemble(white)]
        signs += _unbounded(white) if eps >= UNBOUNDED_EPS else _one_step(white)
        warnings += [f'eps {eps:g}/255: {sign}' for sign in signs]
    return warnings


def _strongest(accuracy: Dict[str, float], names: Sequence[str]) -> Tuple[str, float]:
    """Return the strongest attack and the accuracy it leaves, 100 % without any."""
    known = [(name.upper(), accuracy[name]) for name in names if name in accuracy]
    return min(known, key=lambda item: item[1], default=('no attack', 100.0))


def _one_step(white: Dict[str, float]) -> List[str]:
    if 'fgsm' not in white or not set(MANY_STEPS) & set(white):
        return []
    one, (name, many) = white['fgsm'], _strongest(white, MANY_STEPS)
    text = f'FGSM leaves {one:.2f} %, {name} {many:.2f} %: '
    if one < many - MARGIN:
        return [text + 'one step is stronger than many, so gradients are misleading.']
    if one > many + ONE_STEP_MARGIN:
        return [text + 'FGSM is too weak to be reported as robustness.']
    return []


def _transfer(white: Dict[str, float], transfer: Dict[str, float]) -> List[str]:
    (name, transferred), (own_name, own) = (
        _strongest(accuracy, GRADIENT_BASED) for accuracy in (transfer, white)
    )
    if not set(white) & set(GRADIENT_BASED) or transferred >= own - MARGIN:
        return []
    return [
        f'{name} transferred from another network leaves {transferred:.2f} %, '
        f'white-box {own_name} {own:.2f} %: white-box gradients are less useful.'
    ]


def _ensemble(white: Dict[str, float]) -> List[str]:
    if not {'pgd', 'autoattack'} <= set(white):
        return []
    pgd, ensemble = white['pgd'], white['autoattack']
    if pgd - ensemble <= ENSEMBLE_MARGIN:
        return []
    return [
        f'AutoAttack leaves {ensemble:.2f} %, PGD {pgd:.2f} %: PGD fails where other '
        'losses, step sizes or gradient-free queries succeed.'
    ]


def _unbounded(white: Dict[str, float]) -> List[str]:
    name, left = _strongest(white, MANY_STEPS)
    if not set(MANY_STEPS) & set(white) or left <= UNBOUNDED_ACCURACY:
        return []
    return [
        f'{name} leaves {left:.2f} % under an unbounded perturbation: the attack '
        'fails, and its results at smaller eps are not meaningful.'
    ]
