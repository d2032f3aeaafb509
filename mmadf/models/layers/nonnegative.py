"""A weight that stays non-negative: projection after every optimizer step."""

from typing import Any, Callable, Dict, List, Optional
from weakref import WeakSet, ref

import torch
from torch import Tensor, nn
from torch.optim.optimizer import (
    Optimizer,
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

_LAYERS: WeakSet = WeakSet()


class NonNegative(nn.Module):
    """Mixin: `weight` is projected, w <- max(w, 0), after every optimizer step.

    Code: Keras's `NonNeg` in mr7495/image-classification-spatial. The first training
    forward pass sees the weight as it was drawn; `relu(w)` in the forward pass would
    be another method, in which what is clipped never returns.
    Ours: hooks that PyTorch calls around `step` of every `torch.optim.Optimizer`, so
    that no training loop has to know of it: a step that GradScaler skips or that
    accumulation puts off projects nothing, and shards (FSDP) are projected where they
    are. Copies (`deepcopy`, pickle) are projected by their own optimizers.

    Where no optimizer of PyTorch holds the weight itself, training is refused: at the
    second gradient, if the weight has changed since the first and was not projected,
    or in the forward pass, if the weight is no parameter of this layer any more. FSDP2
    puts parameters of its own in the layer's place, whose gradients are not checked.

    A draw that no step has projected yet is stored projected in `state_dict`. Averages
    of the weight that start from the draw (EMA) would stay negative for long: copies
    that are frozen, as MMEngine's averaged models are, are projected together with
    their original, others when they are evaluated or stored.
    """

    def effective_weight(self) -> Tensor:
        """Return the weight for the forward pass.

        Raises:
            RuntimeError: in training, `weight` is no parameter of this layer.
        """
        if not self.training:
            return self.weight.clamp(min=0) if self._origin.stepped else self.weight
        if 'weight' not in self._parameters:
            raise RuntimeError(
                f'{type(self).__name__}: the weight is no parameter of this layer any '
                'more (FSDP with use_orig_params=False, or a parametrization), so '
                "constraint='nonneg' cannot be kept; train with use_orig_params=True "
                'or DDP, or set constraint=None.'
            )
        return self.weight

    def register_parameter(self, name: str, param: Optional[nn.Parameter]) -> None:
        """Register a parameter; a new `weight` is followed from now on."""
        super().register_parameter(name, param)
        if name == 'weight' and param is not None:
            self._origin = _Origin()
            self._follow()

    def __setstate__(self, state: Dict[str, Any]) -> None:
        super().__setstate__(state)
        self._follow()

    def _apply(self, fn: Callable, recurse: bool = True) -> nn.Module:
        weight = self._parameters.get('weight')
        super()._apply(fn, recurse)
        if self._parameters.get('weight') is not weight:
            self._follow()
        return self

    def _follow(self) -> None:
        """Let the hooks know this layer, and check its gradients."""
        self._before: Optional[Tensor] = None  # the weight at an unused gradient
        self._in_step = False
        weight = self._parameters.get('weight')
        if weight is not None:
            trainable, this = weight.requires_grad, ref(self)
            weight.requires_grad_().register_hook(lambda _: _check(this()))
            weight.requires_grad_(trainable)
        _LAYERS.add(self)

    @torch.no_grad()
    def _project(self) -> None:
        self.weight.clamp_(min=0)
        self._before = None

    def _save_to_state_dict(
        self, destination: Dict[str, Tensor], prefix: str, keep_vars: bool
    ) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        weight = self._parameters.get('weight')
        if keep_vars or weight is None or weight.is_meta or not (weight < 0).any():
            return
        if self._origin.stepped or not weight.requires_grad:
            # In place: averaged models write through their state_dict.
            self._project()
        else:
            destination[prefix + 'weight'] = weight.detach().clamp(min=0)

    def _load_from_state_dict(
        self, state_dict: Dict[str, Tensor], prefix: str, *args
    ) -> None:
        super()._load_from_state_dict(state_dict, prefix, *args)
        if prefix + 'weight' in state_dict:
            self._origin, self._before = _Origin(), None


class _Origin:
    """What a layer and its copies share: whether one of them was stepped."""

    stepped = False

    def __deepcopy__(self, memo: dict) -> '_Origin':
        return self


def _check(layer: Optional[NonNegative]) -> None:
    """Refuse a second gradient at a weight that was moved but not projected."""
    if layer is None or layer._in_step:
        return
    weight = layer.weight.detach()
    if layer._before is None:
        layer._before = weight.clone()
    elif (weight < 0).any() and not torch.equal(weight, layer._before):
        raise RuntimeError(
            f"{type(layer).__name__}: the weight changed without constraint='nonneg' "
            'being kept, because no torch.optim.Optimizer that holds it made the step; '
            'use one, or set constraint=None to train without the constraint.'
        )


def _held(optimizer: Optimizer) -> List[NonNegative]:
    """Return the layers whose weight `optimizer` holds."""
    if not _LAYERS:
        return []
    held = {id(p) for group in optimizer.param_groups for p in group['params']}
    return [m for m in list(_LAYERS) if id(getattr(m, 'weight', None)) in held]


def _before_step(optimizer: Optimizer, args: tuple, kwargs: dict) -> None:
    """Tell layers that what their optimizer does to them in a step is its affair."""
    for layer in _held(optimizer):
        layer._in_step = True


def _after_step(optimizer: Optimizer, args: tuple, kwargs: dict) -> None:
    """Project the layers that `optimizer` moved, and frozen copies of them."""
    moved = _held(optimizer)
    origins = {layer._origin for layer in moved}
    for layer in moved:
        layer._in_step, layer._origin.stepped = False, True
        layer._project()
    for layer in list(_LAYERS) if moved else []:
        if layer._origin in origins and not layer.weight.requires_grad:
            layer._project()


register_optimizer_step_pre_hook(_before_step)
register_optimizer_step_post_hook(_after_step)
