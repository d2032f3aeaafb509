"""A spatial kernel that stays non-negative: projection after every optimizer step."""

from copy import deepcopy
from typing import Any
from weakref import WeakSet

import torch
from torch import Tensor
from torch.optim.optimizer import Optimizer, register_optimizer_step_post_hook

from .spatial_kernel import SpatialKernel

_LAYERS: WeakSet = WeakSet()


class NonNegativeSpatialKernel(SpatialKernel):
    """`SpatialKernel` with projected gradient descent, w <- max(w, 0) after each step.

    PyTorch calls `_project_updated` after each `step` of any `torch.optim.Optimizer`,
    and this function clamps the weights that the optimizer has updated. Training uses
    the weight as it is, so that the first forward pass sees its initial values, which
    are also what `state_dict` holds before the first step. Evaluation and deep copies,
    from which moving averages start, take max(w, 0) and leave the weight unchanged.

    Code: Keras's `NonNeg` in mr7495/image-classification-spatial. Using `relu(w)` in
    the training forward pass is another method: clipped weights get no gradient and
    never return.
    Ours: the hook. It needs an optimizer that holds this very parameter; after an
    update by other means (for instance to master weights), call `project`.
    """

    def __new__(cls, *_: Any, **__: Any) -> 'NonNegativeSpatialKernel':
        """Register the layer for the hook; pickle and deepcopy pass here, too."""
        layer = super().__new__(cls)
        _LAYERS.add(layer)
        return layer

    def __deepcopy__(self, memo: dict) -> 'NonNegativeSpatialKernel':
        copy = type(self).__new__(type(self))
        memo[id(self)] = copy
        copy.__setstate__(deepcopy(self.__dict__, memo))
        copy.project()
        return copy

    @torch.no_grad()
    def project(self) -> None:
        """Replace the weight by max(weight, 0)."""
        self.weight.clamp_(min=0)

    def effective_weight(self) -> Tensor:
        """Return the weight that the forward pass uses: max(w, 0) except in training.

        Raises:
            RuntimeError: if `weight` is trained but not a parameter of this layer, so
                that it cannot be projected.
        """
        if not (self.training and self.weight.requires_grad):
            return self.weight.clamp(min=0)
        is_replica = getattr(self, '_is_replica', False)  # of `nn.DataParallel`
        if 'weight' not in self._parameters and not is_replica:
            raise RuntimeError(
                f"{type(self).__name__}: constraint='nonneg' requires that `weight` is "
                'a parameter of the layer (no parametrization; FSDP only with '
                'use_orig_params=True), got a tensor; or set constraint=None.'
            )
        return self.weight


def _project_updated(optimizer: Optimizer, args: tuple, kwargs: dict) -> None:
    """Project the weights that a step of `optimizer` has updated."""
    groups = optimizer.param_groups
    updated = {id(p) for g in groups for p in g['params'] if p.grad is not None}
    for layer in list(_LAYERS):
        if id(getattr(layer, 'weight', None)) in updated:
            layer.project()


register_optimizer_step_post_hook(_project_updated)
