"""The operator of a decoupled layer: its choices, radii and moving average."""

from typing import Any, Callable, Collection, Dict, Optional, Union

import torch
import torch.distributed as dist
from torch import Tensor, nn

from mmadf.utils.arguments import check_numbers

from .formula import EPS, at_least_float32
from .operators import ANGLES, MAGNITUDES


class DecoupledOperator(nn.Module):
    """Magnitude, angle and operator radii of a layer with several kernels.

    The forward pass turns patch norms into arguments of `decoupled_conv2d`.

    Code: wy1iu/DCNets: rho = (radius^2 + 1e-4) * m with a learned radius per kernel
    that is initialised to 1; m is the mean patch norm of the batch in training and its
    moving average (decay 0.999) in evaluation; gradients flow through m.
    Ours: the other choices of `radius` and `radius_unit`; k of the learnable sigmoid
    follows SphereNet (arXiv 1711.03189), |v| + 0.05 with v initialised to 0.7; the
    moving average is a plain mean over the first 1 / (1 - decay) batches, which
    corrects its bias towards the initial value.

    Args:
        num_kernels: number of kernels K, > 0.
        magnitude: h, a name in `MAGNITUDES`.
        angle: g, a name in `ANGLES`.
        alpha: scale of the magnitude.
        beta: slope beyond the radius ('segmented'), scale of the logarithm ('mix').
        k: curvature of the 'sigmoid' angle, > 0; small values are steep.
        radius: 'kernel' or 'layer' for one learned radius per kernel or per layer, or
            a number > 0, the fixed rho.
        radius_unit: 'mean_norm' measures rho in mean patch norms, 'absolute' in units
            of the input.
        decay: decay of the moving average of the mean patch norm, in [0, 1).
        sync_mean_norm: average the patch norms over all processes.

    Raises:
        ValueError: an unknown name, or a number outside its range.
    """

    def __init__(
        self,
        num_kernels: int,
        magnitude: str = 'tanh',
        angle: str = 'cosine',
        alpha: float = 1.0,
        beta: float = 0.5,
        k: float = 0.5,
        radius: Union[str, float] = 'kernel',
        radius_unit: str = 'mean_norm',
        decay: float = 0.999,
        sync_mean_norm: bool = False,
    ) -> None:
        super().__init__()
        owner = 'DecoupledOperator'
        _check_name(MAGNITUDES, magnitude=magnitude)
        _check_name(ANGLES, angle=angle)
        _check_name(('mean_norm', 'absolute'), radius_unit=radius_unit)
        if isinstance(radius, str):
            _check_name(('kernel', 'layer'), radius=radius)
        else:
            check_numbers(owner, ' > 0', lambda value: value > 0, radius=radius)
        check_numbers(owner, ' > 0', lambda value: value > 0, k=k)
        check_numbers(owner, ' in [0, 1)', lambda value: 0 <= value < 1, decay=decay)
        check_numbers(owner, alpha=alpha, beta=beta)
        self.magnitude, self.angle = magnitude, angle
        self.alpha, self.beta = alpha, beta
        self.decay, self.sync_mean_norm = decay, sync_mean_norm
        has_radius = MAGNITUDES[magnitude].has_radius
        self.is_relative = has_radius and radius_unit == 'mean_norm'
        if self.is_relative:
            self.register_buffer('mean_norm', torch.empty(()))
            self.register_buffer('num_batches', torch.empty((), dtype=torch.long))
        # Fixed values are numbers, since tensors outside the state of a network would
        # have no values after `to_empty`.
        if has_radius and isinstance(radius, str):
            count = num_kernels if radius == 'kernel' else 1
            self.radius = nn.Parameter(torch.empty(count))
        else:
            self.radius = float(radius) if has_radius else None
        if ANGLES[angle].k == 'learned':
            self.v = nn.Parameter(torch.empty(num_kernels))
        else:
            self.k = float(k) if ANGLES[angle].k else None
        self.register_buffer('kernel_norms', None)  # set by `fold`
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Set the learned values to their initial ones and forget the mean norm."""
        self.kernel_norms = None
        initial = dict(mean_norm=1, num_batches=0, radius=1, v=0.7)
        for name, value in self.state_dict().items():
            value.fill_(initial[name])

    def forward(self, r: Tensor, is_frozen: bool = False) -> Dict[str, Any]:
        """Return the arguments of the function that depend on the operator.

        Args:
            r: patch norms of any shape; their mean is the unit of the radii, and
                updates the moving average in training.
            is_frozen: whether the kernels are not trained. The moving average then
                stays, and is the unit of the radii, in training, too.
        """
        return dict(
            rho=self.rho(r, is_frozen),
            k=self.curvature(r),
            magnitude=self.magnitude,
            angle=self.angle,
            alpha=self.alpha,
            beta=self.beta,
            kernel_norms=self.kernel_norms,
        )

    def rho(self, r: Tensor, is_frozen: bool = False) -> Optional[Tensor]:
        """Return the operator radii, (K,) or (1,), or None without a radius."""
        if self.radius is None:
            return None
        if isinstance(self.radius, float):
            rho = _constant(self.radius, r)
        else:
            rho = self.radius.to(r.dtype).square() + EPS
        return rho * self.mean_patch_norm(r, is_frozen) if self.is_relative else rho

    def curvature(self, r: Tensor) -> Optional[Tensor]:
        """Return k of the angle, (K,) or (1,), or None without it."""
        if ANGLES[self.angle].k == 'learned':
            return self.v.to(r.dtype).abs() + 0.05
        return None if self.k is None else _constant(self.k, r)

    def mean_patch_norm(self, r: Tensor, is_frozen: bool) -> Tensor:
        """Return the mean of `r` in training, its moving average in evaluation."""
        is_synced = (
            self.sync_mean_norm and dist.is_available() and dist.is_initialized()
        )
        is_training = self.training and not is_frozen
        if not is_training or (r.numel() == 0 and not is_synced):
            # A copy, since a training pass before the backward pass changes the buffer.
            return self.mean_norm.to(r.dtype, copy=True)
        mean = self._mean_over_processes(r) if is_synced else r.mean()
        if not _is_recomputing():
            self.num_batches.add_(1)
            new = mean.detach().to(self.mean_norm)
            new = torch.where(new.isfinite(), new, self.mean_norm)
            weight = torch.clamp(1 / self.num_batches, min=1 - self.decay)
            self.mean_norm.lerp_(new, weight.to(new))
        return mean

    def _mean_over_processes(self, r: Tensor) -> Tensor:
        """Return the mean of `r` over all processes; some may have an empty batch."""
        count = torch.full_like(r.detach().sum(), r.numel())
        total = dist.nn.functional.all_reduce(torch.stack([r.sum(), count]))
        mean = total[0] / total[1]
        return torch.where(total[1] > 0, mean, self.mean_norm.to(r.dtype))

    def _apply(self, fn: Callable, recurse: bool = True) -> nn.Module:
        """Convert as any module, but keep the moving average in float32 or better."""
        kept = self.mean_norm if self.is_relative else None
        super()._apply(fn, recurse)
        if self.is_relative and self.mean_norm.dtype in (torch.half, torch.bfloat16):
            self.mean_norm = at_least_float32(kept).to(self.mean_norm.device)
        return self

    def extra_repr(self) -> str:
        """Return magnitude and angle."""
        return f'magnitude={self.magnitude!r}, angle={self.angle!r}'


def check_weights(layer: nn.Module, weights: dict, prefix: str, *_: object) -> None:
    """Refuse weights from before `fold` in a folded layer, and the reverse.

    A hook for `register_load_state_dict_pre_hook`: MMEngine's Runner loads with
    strict=False, which would ignore the difference.

    Args:
        layer: has a `DecoupledOperator` as `operator`.
        weights: state dict that is about to be loaded.
        prefix: prefix of the layer's names in it.

    Raises:
        ValueError: either the weights or the layer are folded, but not both.
    """
    kernels, norms = f'{prefix}weight', f'{prefix}operator.kernel_norms'
    is_folded = layer.operator.kernel_norms is not None
    if norms in weights and not is_folded:
        raise ValueError(
            f'{type(layer).__name__}: the weights have {norms}, which a folded network '
            'has, and this one is not folded; load the checkpoint from before `fold`, '
            'or fold this network first.'
        )
    if is_folded and kernels in weights and norms not in weights:
        raise ValueError(
            f'{type(layer).__name__}: the weights have {kernels} without {norms}, so '
            'that they are from before `fold`, and this network is folded; load them '
            'before `fold`.'
        )


def is_frozen(weight: Tensor) -> bool:
    """Return whether a weight is a parameter that is not trained."""
    return isinstance(weight, nn.Parameter) and not weight.requires_grad


def _constant(value: float, like: Tensor) -> Tensor:
    """Return a number as a tensor of shape (1,)."""
    return torch.full((1,), value, dtype=like.dtype, device=like.device)


def _is_recomputing() -> bool:
    """Return whether activation checkpointing repeats a forward pass."""
    if torch.compiler.is_compiling():
        return False
    return torch._C._current_graph_task_id() != -1


def _check_name(allowed: Collection[str], **names: str) -> None:
    for name, value in names.items():
        if not isinstance(value, str) or value not in allowed:
            raise ValueError(
                f'DecoupledOperator: {name}={value!r} must be one of {sorted(allowed)}.'
            )
