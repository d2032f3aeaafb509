"""Adversarial training: part of each batch is attacked with the current weights."""

from contextlib import contextmanager
from typing import Callable, Iterator, NamedTuple, Optional, Tuple

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor, nn

from mmadf.engine.unwrap import unwrap
from mmadf.registry import HOOKS

ATTACKS = ('fgsm', 'pgd')


class Box(NamedTuple):
    """Where an attacked batch may be, each broadcastable to (N, C, H, W)."""

    lower: Tensor
    upper: Tensor

    def clip(self, x: Tensor) -> Tensor:
        """Return the nearest point of the box."""
        return torch.minimum(torch.maximum(x, self.lower), self.upper)


def allowed_box(x: Tensor, radius: Tensor, valid: Box) -> Box:
    """Return what is within `radius` of `x` in each value, and valid."""
    return Box(
        torch.maximum(x - radius, valid.lower), torch.minimum(x + radius, valid.upper)
    )


def ascend(
    loss: Callable[[Tensor], Tensor], start: Tensor, step: Tensor, steps: int, box: Box
) -> Tensor:
    """Climb the loss by signs of its gradient: x <- clip(x + step * sign(dloss/dx)).

    One step from the image itself, as long as the radius, is FGSM (arXiv 1412.6572);
    several shorter ones from a random start are PGD (arXiv 1706.06083).

    Args:
        loss: from images, (N, C, H, W), to a scalar.
        start: images to start from, (N, C, H, W).
        step: length of a step, broadcastable to them, >= 0.
        steps: how many, >= 0.
        box: where the result must be.

    Returns:
        Images without gradient, (N, C, H, W).
    """
    x = start.detach()
    for _ in range(steps):
        x.requires_grad_()
        (gradient,) = torch.autograd.grad(loss(x), x)
        x = box.clip(x.detach() + step * gradient.sign())
    return x


@HOOKS.register_module()
class AdversarialTrainingHook(Hook):
    """Replace a share of each training batch by adversarial images.

    Paper: Decoupled Networks, arXiv 1804.08071, reports networks trained in this way;
        strength and share are not known to us.
    Ours: share, as arXiv 1611.01236 mixes them, strength, and statistics, see below.

    For any classifier of the host with `loss(inputs, data_samples)`, `ADFClassifier`
    with the losses of both heads; network and checkpoints stay what they are. The loss
    that is attacked is the one that is trained, with smoothed or mixed labels.

    The attack sees the network in the mode in which it trains: batch norms use the
    statistics of the images under attack. Running statistics, and all other buffers,
    are put back, so that they see each batch once, as it is trained on. The attack is
    computed in float32, also with AMP, where small gradients would be lost.

    Args:
        attack: 'fgsm', one step of length `eps`, or 'pgd', several from a random start.
        eps: greatest change of a pixel value, in units of 1/255 of the full range,
            before normalisation; > 0.
        share: part of each batch that is replaced, in (0, 1]; the first images, which
            a shuffling sampler makes random ones. At least one image.
        steps: of 'pgd', > 0.
        step_size: of 'pgd', in the units of `eps`, > 0; None for 2.5 * eps / steps.

    Raises:
        ValueError: an unknown attack, or a number that is out of range.
    """

    def __init__(
        self,
        attack: str = 'fgsm',
        eps: float = 8.0,
        share: float = 0.5,
        steps: int = 10,
        step_size: Optional[float] = None,
    ) -> None:
        if step_size is None:
            step_size = 2.5 * eps / max(steps, 1)
        _check(attack, eps, share, steps, step_size)
        self.random_start = attack == 'pgd'
        self.eps = eps
        self.share = share
        self.steps = steps if attack == 'pgd' else 1
        self.step_size = step_size if attack == 'pgd' else eps
        self.handle = None

    def before_train(self, runner: Runner) -> None:
        """Let the model attack what it is about to train on."""
        model = unwrap(runner.model)
        if getattr(model.data_preprocessor, 'pad_size_divisor', 1) > 1:
            raise ValueError(
                'AdversarialTrainingHook: the data preprocessor pads, and padding is '
                'no pixel to change; resize in the pipeline, with pad_size_divisor=1.'
            )

        def _replace(module: nn.Module, args: tuple, kwargs: dict) -> Optional[tuple]:
            inputs, data_samples, mode = _arguments(*args, **kwargs)
            if mode != 'loss' or not module.training:
                return None
            inputs = self.replace(module, inputs, data_samples)
            return (inputs, data_samples, mode), {}

        self.handle = model.register_forward_pre_hook(_replace, with_kwargs=True)

    def after_train(self, runner: Runner) -> None:
        """Let go of the model."""
        self.handle.remove()

    def replace(self, model: nn.Module, inputs: Tensor, data_samples: list) -> Tensor:
        """Return a batch whose first images are attacked.

        Args:
            model: classifier with `loss`, `parse_losses` and `data_preprocessor`.
            inputs: normalised images, (N, C, H, W).
            data_samples: N annotations.
        """
        count = max(1, round(self.share * len(inputs)))
        attacked = self.attack(model, inputs[:count], data_samples[:count])
        return torch.cat([attacked, inputs[count:]])

    def attack(self, model: nn.Module, inputs: Tensor, data_samples: list) -> Tensor:
        """Return adversarial images, (N, C, H, W), for normalised `inputs`."""
        unit, valid = _pixels(model.data_preprocessor, inputs)
        box = allowed_box(inputs, self.eps * unit, valid)
        start = inputs
        if self.random_start:
            noise = 2 * torch.rand_like(inputs) - 1
            start = box.clip(inputs + self.eps * unit * noise)

        def _loss(x: Tensor) -> Tensor:
            return model.parse_losses(model.loss(x, data_samples))[0]

        with _buffers_kept(model), torch.autocast(inputs.device.type, enabled=False):
            return ascend(_loss, start, self.step_size * unit, self.steps, box)


@contextmanager
def _buffers_kept(model: nn.Module) -> Iterator[None]:
    """Put the buffers of a network back as they were."""
    before = [(buffer, buffer.clone()) for buffer in model.buffers()]
    try:
        yield
    finally:
        for buffer, value in before:
            buffer.copy_(value)


def _arguments(
    inputs: Tensor, data_samples: Optional[list] = None, mode: str = 'tensor'
) -> tuple:
    """Sort the arguments of a classifier's forward."""
    return inputs, data_samples, mode


def _pixels(preprocessor: nn.Module, x: Tensor) -> Tuple[Tensor, Box]:
    """Return what 1/255 of the pixel range is after normalisation, and the range."""
    if getattr(preprocessor, '_enable_normalize', False):
        mean, std = preprocessor.mean, preprocessor.std
    else:
        mean, std = x.new_zeros(1), x.new_ones(1)
    return 1 / std, Box((0 - mean) / std, (255 - mean) / std)


def _check(attack: str, eps: float, share: float, steps: int, step_size: float) -> None:
    if attack not in ATTACKS:
        raise ValueError(
            f'AdversarialTrainingHook: attack={attack!r} is none of {ATTACKS}.'
        )
    if eps <= 0 or steps < 1 or step_size <= 0:
        raise ValueError(
            f'AdversarialTrainingHook: eps={eps}, steps={steps} and '
            f'step_size={step_size} must be > 0.'
        )
    if not 0 < share <= 1:
        raise ValueError(
            f'AdversarialTrainingHook: share={share} is the part of a batch that is '
            'attacked; give it in (0, 1].'
        )
