"""L-infinity attacks in pixel space, by the Adversarial Robustness Toolbox (ART)."""

from functools import partial
from typing import Callable, Dict, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from mmadf.utils.optional import import_optional

from .network import PixelNetwork, count_classes


class AttackOptions(NamedTuple):
    """Effort of the attacks.

    `steps` of BIM and of PGD, with a step size of 2.5 * eps / steps; for AutoAttack
    `autoattack_steps` of each APGD and `queries` of the Square attack; `batch_size` in
    images.
    """

    steps: int = 20
    autoattack_steps: int = 100
    queries: int = 1000
    batch_size: int = 100


def art_classifier(network: PixelNetwork, shape: tuple) -> object:
    """Return a network as a classifier of ART, with cross-entropy as its loss.

    Args:
        network: network to attack. ART moves it to the current GPU if it is on another
            one.
        shape: shape of one image, (3, H, W).

    Raises:
        ImportError: ART is not installed.
    """
    estimators = import_optional('art.estimators.classification')
    on_gpu = any(parameter.is_cuda for parameter in network.parameters())
    return estimators.PyTorchClassifier(
        network,
        nn.CrossEntropyLoss(),
        input_shape=tuple(shape),
        nb_classes=count_classes(network, shape),
        clip_values=(0.0, 1.0),
        device_type='gpu' if on_gpu else 'cpu',
    )


def attack(
    classifier: object,
    name: str,
    eps: float,
    images: Tensor,
    labels: Tensor,
    options: AttackOptions,
) -> Tensor:
    """Return adversarial images, clipped to [0, 1] but not rounded to 1/255.

    Args:
        classifier: see `art_classifier`.
        name: one of ATTACKS.
        eps: maximum change of a pixel, in (0, 1].
        images: pixels in [0, 1], (N, 3, H, W).
        labels: true labels, (N,).
        options: effort of the attack.

    Raises:
        ValueError: `name` is not a known attack.
    """
    if name not in ATTACKS:
        raise ValueError(f'attack={name!r} must be one of {list(ATTACKS)}.')
    method = ATTACKS[name](classifier, eps, options)
    targets = np.eye(classifier.nb_classes, dtype=np.float32)[labels.cpu().numpy()]
    adversarial = method.generate(images.cpu().numpy(), targets)
    return torch.from_numpy(adversarial).to(images.device)


def _fgsm(classifier: object, eps: float, options: AttackOptions) -> object:
    """One step of size eps."""
    evasion = import_optional('art.attacks.evasion')
    return evasion.FastGradientMethod(
        classifier, eps=eps, batch_size=options.batch_size
    )


def _pgd(
    classifier: object, eps: float, options: AttackOptions, random_starts: int = 1
) -> object:
    """Several smaller steps from a random point within eps; from the image in BIM."""
    evasion = import_optional('art.attacks.evasion')
    return evasion.ProjectedGradientDescent(
        classifier,
        eps=eps,
        eps_step=2.5 * eps / options.steps,
        max_iter=options.steps,
        num_random_init=random_starts,
        batch_size=options.batch_size,
        verbose=False,
    )


def _autoattack(classifier: object, eps: float, options: AttackOptions) -> object:
    """APGD on cross-entropy, APGD on the difference of logits ratio, and Square.

    Paper: Croce and Hein, arXiv 2003.01690.
    Ours: targeted APGD and FAB are left out, because ART lacks FAB and because targets
    multiply the time. The accuracy is thus an upper bound of that under AutoAttack.
    """
    evasion = import_optional('art.attacks.evasion')
    common = dict(eps=eps, batch_size=options.batch_size, verbose=False)
    # The difference of logits ratio is only defined for three classes or more.
    losses = ['cross_entropy', 'difference_logits_ratio'][: classifier.nb_classes - 1]
    ensemble = [
        evasion.AutoProjectedGradientDescent(
            classifier,
            eps_step=2 * eps,
            max_iter=options.autoattack_steps,
            nb_random_init=1,
            loss_type=loss,
            **common,
        )
        for loss in losses
    ]
    ensemble.append(
        evasion.SquareAttack(
            classifier, max_iter=options.queries, nb_restarts=1, **common
        )
    )
    return evasion.AutoAttack(
        classifier, eps=eps, attacks=ensemble, batch_size=options.batch_size
    )


ATTACKS: Dict[str, Callable] = dict(
    fgsm=_fgsm,
    bim=partial(_pgd, random_starts=0),
    pgd=_pgd,
    autoattack=_autoattack,
)
