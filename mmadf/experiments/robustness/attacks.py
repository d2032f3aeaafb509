"""Attacks on pixels in the maximum norm, by the adversarial-robustness-toolbox."""

from typing import Callable, Dict, List, NamedTuple, Sequence

import numpy as np
import torch
from torch import Tensor, nn

INSTALL = 'pip install adversarial-robustness-toolbox multiprocess'


class AttackPlan(NamedTuple):
    """How hard an attack tries, beside its eps.

    `steps` of BIM and PGD, each 2.5 * eps / steps long; `autoattack_steps` of both
    APGD and `queries` of the Square attack in AutoAttack; `batch_size` in images.
    """

    steps: int = 20
    autoattack_steps: int = 100
    queries: int = 1000
    batch_size: int = 100


def art_classifier(network: nn.Module, num_classes: int, shape: tuple) -> object:
    """Return what ART attacks: cross-entropy of a network of pixels in [0, 1].

    Args:
        network: from pixels, (N, 3, H, W), to logits. On a GPU that is not the current
            one, ART moves it.
        num_classes: length of the logits.
        shape: of one image, (3, H, W).

    Raises:
        ImportError: ART is missing.
    """
    try:
        from art.estimators.classification import PyTorchClassifier
    except ImportError as error:
        raise ImportError(
            f'the attacks are those of adversarial-robustness-toolbox: {INSTALL}'
        ) from error
    on_gpu = any(parameter.is_cuda for parameter in network.parameters())
    return PyTorchClassifier(
        network,
        nn.CrossEntropyLoss(),
        input_shape=tuple(shape),
        nb_classes=num_classes,
        clip_values=(0.0, 1.0),
        device_type='gpu' if on_gpu else 'cpu',
    )


def attack(
    classifier: object,
    name: str,
    eps: float,
    images: Tensor,
    labels: Tensor,
    plan: AttackPlan,
) -> Tensor:
    """Return adversarial images within `eps` and [0, 1], not rounded to 1/255.

    Args:
        classifier: see `art_classifier`.
        name: one of ATTACKS.
        eps: greatest change of a pixel, in [0, 1], > 0.
        images: (N, 3, H, W), in [0, 1].
        labels: true ones, (N,).
        plan: how hard to try.

    Raises:
        ValueError: an unknown attack.
    """
    if name not in ATTACKS:
        raise ValueError(f'attack {name!r} is none of {list(ATTACKS)}.')
    method = ATTACKS[name](classifier, eps, plan)
    targets = np.eye(classifier.nb_classes, dtype=np.float32)[labels.cpu().numpy()]
    found = method.generate(images.cpu().numpy(), targets)
    return torch.from_numpy(found).to(images.device)


def transferable(names: Sequence[str]) -> List[str]:
    """Return the attacks that are also made on another network: not AutoAttack.

    Args:
        names: of attacks.
    """
    return [name for name in names if name != 'autoattack']


def _fgsm(classifier: object, eps: float, plan: AttackPlan) -> object:
    from art.attacks.evasion import FastGradientMethod

    return FastGradientMethod(classifier, eps=eps, batch_size=plan.batch_size)


def _iterated(name: str, **options) -> Callable:
    def _make(classifier: object, eps: float, plan: AttackPlan) -> object:
        from art.attacks import evasion

        return getattr(evasion, name)(
            classifier,
            eps=eps,
            eps_step=2.5 * eps / plan.steps,
            max_iter=plan.steps,
            batch_size=plan.batch_size,
            verbose=False,
            **options,
        )

    return _make


def _autoattack(classifier: object, eps: float, plan: AttackPlan) -> object:
    """APGD on cross-entropy and on the ratio of logits, and Square, one after another.

    Ours: APGD-T and FAB-T of arXiv 2003.01690 are left out: ART does not have FAB, and
    targets multiply the time. So accuracy is an upper bound of that under AutoAttack.
    """
    from art.attacks.evasion import (
        AutoAttack,
        AutoProjectedGradientDescent,
        SquareAttack,
    )

    size = dict(eps=eps, batch_size=plan.batch_size, verbose=False)
    # The difference of logits ratio needs a third class.
    losses = ['cross_entropy', 'difference_logits_ratio'][: classifier.nb_classes - 1]
    parts: List[object] = [
        AutoProjectedGradientDescent(
            classifier,
            eps_step=2 * eps,
            max_iter=plan.autoattack_steps,
            nb_random_init=1,
            loss_type=loss,
            **size,
        )
        for loss in losses
    ]
    parts.append(SquareAttack(classifier, max_iter=plan.queries, nb_restarts=1, **size))
    return AutoAttack(classifier, eps=eps, attacks=parts, batch_size=plan.batch_size)


# FGSM: one step of eps. BIM: several from the image. PGD: several from a random start.
ATTACKS: Dict[str, Callable] = dict(
    fgsm=_fgsm,
    bim=_iterated('BasicIterativeMethod'),
    pgd=_iterated('ProjectedGradientDescent', num_random_init=1),
    autoattack=_autoattack,
)
