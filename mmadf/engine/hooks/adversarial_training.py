"""Adversarial training: part of each batch is attacked during training."""

from contextlib import contextmanager
from inspect import signature
from typing import Callable, Iterator, Optional, Tuple

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.utils import get_ori_model
from torch import Tensor, nn

from mmadf.registry import HOOKS
from mmadf.utils.arguments import check_counts, check_numbers

ATTACKS = ('fgsm', 'pgd')


def ascend(
    loss: Callable[[Tensor], Tensor],
    x: Tensor,
    step: Tensor,
    steps: int,
    lower: Tensor,
    upper: Tensor,
) -> Tensor:
    """Signed gradient ascent within bounds: x <- clamp(x + step * sign(dloss/dx)).

    One step from the image with the radius as its size is FGSM (arXiv 1412.6572);
    several smaller steps from a random start are PGD (arXiv 1706.06083).

    Args:
        loss: function of images, (N, C, H, W), that returns a scalar.
        x: initial images, (N, C, H, W).
        step: step size, broadcastable to the images, >= 0.
        steps: number of steps, >= 0.
        lower: smallest values of the result, broadcastable to the images.
        upper: largest values of the result, likewise.

    Returns:
        The final images, detached.
    """
    x = x.detach()
    for _ in range(steps):
        x.requires_grad_()
        (gradient,) = torch.autograd.grad(loss(x), x)
        x = (x.detach() + step * gradient.sign()).clamp(lower, upper)
    return x


@HOOKS.register_module()
class AdversarialTrainingHook(Hook):
    """Replace a share of each training batch by adversarial examples.

    Paper: Decoupled Networks, arXiv 1804.08071, reports adversarially trained networks;
        we do not know the strength and the share of the attack.
    Ours: the strength, the share (mixed as in arXiv 1611.01236) and the treatment of
        running statistics, see below.

    Works with every classifier that has MMPretrain's `loss(inputs, data_samples)`; for
    `ADFClassifier` the losses of both heads are attacked. The attacked loss is the
    training loss, including label smoothing and Mixup. The network and the format of
    its checkpoints are unchanged.

    The attack runs the network in training mode, then restores running statistics and
    all other buffers: they see each batch once, as it is trained on. It is computed in
    float32 even under autocast, where small gradients would underflow.

    Args:
        attack: 'fgsm', one step of size `eps`, or 'pgd', several from a random start.
        eps: largest change of a pixel value, in units of 1/255 of the full range,
            before normalisation; > 0.
        share: fraction of each batch that is replaced, in (0, 1]. The first images are
            taken, at least one; a shuffling sampler makes them a random choice.
        steps: number of steps of 'pgd', > 0; None for 10.
        step_size: step size of 'pgd' in the units of `eps`, > 0; None for
            2.5 * eps / steps.

    Raises:
        ValueError: an unknown attack, a number out of range, or steps of 'fgsm', which
            has one; when training starts, a data preprocessor that pads or does not
            normalise, or activation checkpointing.
    """

    def __init__(
        self,
        attack: str = 'fgsm',
        eps: float = 8.0,
        share: float = 0.5,
        steps: Optional[int] = None,
        step_size: Optional[float] = None,
    ) -> None:
        if attack not in ATTACKS:
            raise ValueError(
                f'AdversarialTrainingHook: attack={attack!r} must be one of {ATTACKS}.'
            )
        owner = 'AdversarialTrainingHook'
        check_numbers(owner, ' in (0, 1]', lambda x: 0 < x <= 1, share=share)
        check_numbers(owner, ' > 0', lambda x: x > 0, eps=eps)
        if attack == 'fgsm':
            if steps is not None or step_size is not None:
                raise ValueError(
                    f"AdversarialTrainingHook: attack='fgsm' is one step of size eps, "
                    f'got steps={steps} and step_size={step_size}; remove them, or set '
                    "attack='pgd'."
                )
            steps, step_size = 1, eps
        steps = 10 if steps is None else steps
        check_counts(owner, steps=steps)
        step_size = 2.5 * eps / steps if step_size is None else step_size
        check_numbers(owner, ' > 0', lambda x: x > 0, step_size=step_size)
        self.random_start = attack == 'pgd'
        self.eps = eps
        self.share = share
        self.steps = steps
        self.step_size = step_size

    def before_train(self, runner: Runner) -> None:
        """Register the attack as a forward pre-hook of the model."""
        model = get_ori_model(runner.model)
        divisor = getattr(model.data_preprocessor, 'pad_size_divisor', 1)
        if divisor > 1:
            raise ValueError(
                f'AdversarialTrainingHook: pad_size_divisor={divisor} pads images, and '
                'padding cannot be attacked; resize in the pipeline and set it to 1.'
            )
        _pixel_scale(model.data_preprocessor)
        _check_checkpointing(model, runner.cfg.get('activation_checkpointing'))
        self.handle = model.register_forward_pre_hook(self._replace, with_kwargs=True)

    def after_train(self, runner: Runner) -> None:
        """Remove the attack from the model."""
        self.handle.remove()

    def _replace(self, model: nn.Module, args: tuple, kwargs: dict) -> Optional[tuple]:
        """Replace the first images of a forward pass that computes training losses."""
        call = signature(model.forward).bind(*args, **kwargs)
        if call.arguments.get('mode') != 'loss' or not model.training:
            return None
        inputs, data_samples = call.arguments['inputs'], call.arguments['data_samples']
        count = max(1, round(self.share * len(inputs)))
        attacked = self.attack(model, inputs[:count], data_samples[:count])
        call.arguments['inputs'] = torch.cat([attacked, inputs[count:]])
        return call.args, call.kwargs

    def attack(self, model: nn.Module, inputs: Tensor, data_samples: list) -> Tensor:
        """Return adversarial images, (N, C, H, W).

        Args:
            model: classifier with `loss`, `parse_losses` and `data_preprocessor`.
            inputs: normalised images, (N, C, H, W).
            data_samples: N annotations.
        """
        unit, black, white = _pixel_scale(model.data_preprocessor)
        radius = self.eps * unit
        lower = torch.maximum(inputs - radius, black)
        upper = torch.minimum(inputs + radius, white)
        start = inputs
        if self.random_start:
            noise = 2 * torch.rand_like(inputs) - 1
            start = (inputs + radius * noise).clamp(lower, upper)

        def _loss(x: Tensor) -> Tensor:
            return model.parse_losses(model.loss(x, data_samples))[0]

        step = self.step_size * unit
        float32 = torch.autocast(inputs.device.type, enabled=False)
        with _buffers_kept(model), float32:
            return ascend(_loss, start, step, self.steps, lower, upper)


@contextmanager
def _buffers_kept(model: nn.Module) -> Iterator[None]:
    """Restore the buffers of a network on exit."""
    before = [(buffer, buffer.clone()) for buffer in model.buffers()]
    try:
        yield
    finally:
        for buffer, value in before:
            buffer.copy_(value)


def _pixel_scale(preprocessor: nn.Module) -> Tuple[Tensor, Tensor, Tensor]:
    """Return 1/255 of the pixel range, black and white, all three normalised.

    Raises:
        ValueError: the data preprocessor does not normalise, so that the range of the
            images is unknown.
    """
    if not getattr(preprocessor, '_enable_normalize', False):
        raise ValueError(
            'AdversarialTrainingHook: the data_preprocessor has no mean and std, from '
            'which the range of pixel values follows; normalise there and not in the '
            'pipeline. mean=[0, 0, 0] and std=[1, 1, 1] leave images of 0 to 255 as '
            'they are.'
        )
    mean, std = preprocessor.mean, preprocessor.std
    return 1 / std, (0 - mean) / std, (255 - mean) / std


def _check_checkpointing(model: nn.Module, modules: object) -> None:
    """Refuse activation checkpointing, of which the hosts use the reentrant form.

    Args:
        model: its blocks may have `with_cp`.
        modules: `activation_checkpointing` of the config, or None.

    Raises:
        ValueError: some activations are not saved.
    """
    names = [n for n, m in model.named_modules() if getattr(m, 'with_cp', False)]
    fields = [f'{name}.with_cp=True' for name in names[:1]]
    fields += [f'activation_checkpointing={modules!r}'] if modules else []
    if fields:
        raise ValueError(
            f'AdversarialTrainingHook: {" and ".join(fields)} recomputes activations '
            'in a way that cannot return the gradient of the images, which the attack '
            'needs; remove it, or the hook.'
        )
