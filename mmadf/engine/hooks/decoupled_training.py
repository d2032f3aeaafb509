"""Training aids of Decoupled Networks.

A fourth one, no weight decay on the operator radii, needs no hook:
`optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'radius': dict(decay_mult=0)}))`.
"""

from functools import partial
from typing import List, Optional

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.utils import get_ori_model
from torch import Tensor, nn

from mmadf.models.layers import DECOUPLED_LAYERS
from mmadf.registry import HOOKS
from mmadf.utils.arguments import check_counts, check_numbers


def _decoupled_layers(model: nn.Module, hook: Hook) -> List[nn.Module]:
    """Return the decoupled layers of a network; raise ValueError if there are none."""
    layers = [m for m in model.modules() if isinstance(m, DECOUPLED_LAYERS)]
    if not layers:
        raise ValueError(
            f'{type(hook).__name__}: model={type(model).__name__} has no decoupled '
            "layer; remove the hook, or set conv_cfg=dict(type='DecoupledConv2d')."
        )
    return layers


def orthogonality_loss(weight: Tensor) -> Tensor:
    """Return 0.5 * |W W^T - I|_F^2, where the rows of W are normalised kernels.

    Code: wy1iu/DCNets, written there for kernels as columns.

    Args:
        weight: kernels, (K, ...).

    Returns:
        A scalar >= 0, which is 0 for orthogonal kernels.
    """
    w = nn.functional.normalize(weight.flatten(1), dim=1)
    identity = torch.eye(len(w), dtype=w.dtype, device=w.device)
    return 0.5 * (w @ w.T - identity).square().sum()


@HOOKS.register_module()
class WeightProjectionHook(Hook):
    """Divide each kernel of the decoupled layers by its norm, every few iterations.

    Paper: weight projection. Code: wy1iu/DCNets: every 100 iterations; the state of the
    optimizer is left unchanged.
    Ours: frozen kernels stay as they are.

    Args:
        interval: iterations between projections, > 0.

    Raises:
        ValueError: `interval` is no integer > 0; when training starts, a network
            without decoupled layers.
    """

    def __init__(self, interval: int = 100) -> None:
        check_counts('WeightProjectionHook', interval=interval)
        self.interval = interval

    def before_train(self, runner: Runner) -> None:
        """Reject a network without decoupled layers."""
        _decoupled_layers(runner.model, self)

    @torch.no_grad()
    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Optional[dict] = None,
        outputs: Optional[dict] = None,
    ) -> None:
        """Project, after every `interval`-th iteration."""
        if not self.every_n_train_iters(runner, self.interval):
            return
        for layer in _decoupled_layers(runner.model, self):
            if not layer.weight.requires_grad:
                continue
            w = layer.weight.flatten(1)
            w = w.to(torch.promote_types(w.dtype, torch.float32))
            layer.weight.copy_(nn.functional.normalize(w, dim=1).view_as(layer.weight))


@HOOKS.register_module()
class WeightedGradientsHook(Hook):
    """Multiply the gradient of each kernel of the decoupled layers by its norm.

    Paper: weighted gradients, dw = |w| * dL/dw; we have not verified the formula.
    Ours: kernels that are frozen when training starts are left out.

    Raises:
        ValueError: when training starts, a network without decoupled layers.
    """

    def before_train(self, runner: Runner) -> None:
        """Register a hook on the weight of each decoupled layer."""
        weights = [layer.weight for layer in _decoupled_layers(runner.model, self)]
        self.handles = [
            w.register_hook(partial(_times_norms, w))
            for w in weights
            if w.requires_grad
        ]

    def after_train(self, runner: Runner) -> None:
        """Remove the hooks."""
        for handle in self.handles:
            handle.remove()


@HOOKS.register_module()
class FrozenMeanNormHook(Hook):
    """Keep the mean patch norms of the decoupled layers during training.

    Ours: for the decoupled layers what `norm_eval=True` of a backbone is for the batch
    norms, whose statistics it keeps. Layers whose kernels are frozen keep their mean
    patch norm without this hook.

    Raises:
        ValueError: when training starts, a network without decoupled layers.
    """

    def before_train(self, runner: Runner) -> None:
        """Reject a network without decoupled layers."""
        _decoupled_layers(runner.model, self)

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Optional[dict] = None
    ) -> None:
        """Set the operators to evaluation mode, which loops may have left."""
        for layer in _decoupled_layers(runner.model, self):
            layer.operator.eval()


def check_norm_eval(runner: Runner) -> None:
    """Refuse `norm_eval=True` for decoupled layers that update their mean patch norms.

    Raises:
        ValueError: a backbone keeps the statistics of its batch norms only.
    """
    if any(isinstance(hook, FrozenMeanNormHook) for hook in runner.hooks):
        return
    model = get_ori_model(runner.model)
    for name, module in model.named_modules():
        if not getattr(module, 'norm_eval', False):
            continue
        layers = [m for m in module.modules() if isinstance(m, DECOUPLED_LAYERS)]
        trained = [m for m in layers if m.weight.requires_grad]
        moving = [m for m in trained if m.operator.is_relative]
        if moving:
            raise ValueError(
                f'{name}.norm_eval=True keeps the statistics of batch norms only, and '
                f'{len(moving)} decoupled layers update their mean patch norms; add '
                "dict(type='FrozenMeanNormHook') to custom_hooks, or set "
                'norm_eval=False.'
            )


@HOOKS.register_module()
class OrthogonalityHook(Hook):
    """Add `orthogonality_loss` of the kernels to the losses of the model.

    Code: wy1iu/DCNets: 1e-5 times the sum over the decoupled layers. Those with frozen
    kernels add a constant.

    Args:
        weight: factor of the loss, >= 0.

    Raises:
        ValueError: `weight` is no finite number >= 0; when training starts, a network
            without decoupled layers.
    """

    def __init__(self, weight: float = 1e-5) -> None:
        check_numbers('OrthogonalityHook', ' >= 0', lambda w: w >= 0, weight=weight)
        self.weight = weight

    def before_train(self, runner: Runner) -> None:
        """Let the model return this loss along with its own."""
        model = get_ori_model(runner.model)
        self.layers = _decoupled_layers(model, self)
        self.handle = model.register_forward_hook(self._add_loss)

    def after_train(self, runner: Runner) -> None:
        """Stop adding the loss."""
        self.handle.remove()

    def _add_loss(self, module: nn.Module, args: tuple, output: object) -> object:
        if isinstance(output, dict) and module.training:
            total = sum(orthogonality_loss(layer.weight) for layer in self.layers)
            return {**output, 'orthogonality_loss': self.weight * total}
        return output


def _times_norms(w: Tensor, grad: Tensor) -> Tensor:
    """Return the gradient of each kernel times |w|."""
    norms = w.detach().flatten(1).norm(dim=1)
    return grad * norms.view(-1, *[1] * (w.dim() - 1))
