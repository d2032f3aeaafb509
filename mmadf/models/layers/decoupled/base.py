"""What decoupled convolution and decoupled linear layer share: the operator."""

import math
from numbers import Real
from typing import Any, Callable, Optional, Tuple, Union

import torch
import torch.distributed as dist
from torch import Tensor, nn

from .closed_forms import Factor
from .norms import EPS, norm, normalised
from .operators import ANGLES, MAGNITUDES
from .primitives import at_least_float32


class DecoupledOperator:
    """Mixin: magnitude, angle and operator radius of a layer of several kernels.

    A layer calls `set_operator` when it is built, and `unit_kernels`, `rho`, `k_of`
    and `respond` in its forward pass.

    Code: wy1iu/DCNets: rho = (radius^2 + 1e-4) * m with a learned radius per kernel
    that starts at 1; m is the mean patch norm of the batch in training and its
    moving average (decay 0.999) in evaluation; gradients flow through m.
    Ours: the other choices of `radius` and `radius_unit`; k of the learnable sigmoid
    follows SphereNet (arXiv 1711.03189), |v| + 0.05 with v from 0.7; the moving
    average is a plain mean for its first 1 / (1 - decay) batches, which takes away
    its bias to the start.
    """

    def set_operator(
        self,
        num_kernels: int,
        *,
        magnitude: str,
        angle: str,
        alpha: float,
        beta: float,
        k: float,
        radius: Union[str, float],
        radius_unit: str,
        decay: float,
        sync_mean_norm: bool,
    ) -> None:
        """Choose the operator and create its parameters and buffers.

        Args:
            num_kernels: number of kernels, > 0.
            magnitude: name in `MAGNITUDES`.
            angle: name in `ANGLES`.
            alpha: scale of the magnitude.
            beta: slope beyond the radius ('segmented'), scale of the logarithm ('mix').
            k: curvature of the 'sigmoid' angle, > 0; small is steep.
            radius: 'kernel' or 'layer' for a learned radius each, or a number > 0 for
                rho itself, fixed.
            radius_unit: 'mean_norm' measures rho in mean patch norms, 'absolute' in
                units of the input.
            decay: of the moving average, in [0, 1).
            sync_mean_norm: take the mean patch norm over all processes.

        Raises:
            ValueError: unknown name, or a number outside its range.
        """
        _check_names(magnitude, angle, radius_unit)
        _check_numbers(alpha, beta, k, radius, decay)
        self.names = (magnitude, angle)
        self.magnitude, self.angle = MAGNITUDES[magnitude], ANGLES[angle]
        self.alpha, self.beta, self.decay = alpha, beta, decay
        self.sync_mean_norm = sync_mean_norm
        self.register_buffer('fixed_norms', None)
        self.relative = self.magnitude.has_radius and radius_unit == 'mean_norm'
        self.learns_radius = self.magnitude.has_radius and isinstance(radius, str)
        self.learns_k = self.angle.k == 'learned'
        if self.relative:
            self.register_buffer('mean_norm', torch.ones(()))
            self.register_buffer('num_batches', torch.zeros((), dtype=torch.long))
        if self.learns_radius:
            count = num_kernels if radius == 'kernel' else 1
            self.radius = nn.Parameter(torch.ones(count))
        else:
            given = self.magnitude.has_radius
            fixed = torch.full((1,), float(radius)) if given else None
            self.register_buffer('radius', fixed, persistent=False)
        if self.learns_k:
            self.v = nn.Parameter(torch.full((num_kernels,), 0.7))
        else:
            fixed = torch.full((1,), float(k)) if self.angle.k else None
            self.register_buffer('k', fixed, persistent=False)

    def respond(
        self,
        cos: Tensor,
        r: Tensor,
        q: Tensor,
        rho: Optional[Tensor],
        k: Optional[Tensor],
    ) -> Tensor:
        """Return h(|w|, |x|) * g(theta).

        Args:
            cos: cos(theta) of kernels and patches.
            r: patch norms; all broadcast against each other.
            q: kernel norms.
            rho: operator radii, see `rho`.
            k: curvature of the angle, see `k_of`.
        """
        return self.magnitude_of(r, q, rho) * self.angle.function(cos, k)

    def magnitude_of(self, r: Tensor, q: Tensor, rho: Optional[Tensor]) -> Tensor:
        """Return h(|w|, |x|); see `respond`."""
        return self.magnitude.function(r, q, rho, self.alpha, self.beta)

    @property
    def is_positive(self) -> bool:
        """Whether h > 0 for every patch, as closed forms and inverses need it."""
        return self.alpha > 0 and self.beta >= 0

    @property
    def has_closed_form(self) -> bool:
        """Whether `gain_of` and `elasticity_of` hold for this layer."""
        known = self.magnitude.closed_form is not None and self.angle.power > 0
        return known and self.is_positive

    def gain_of(self, r: Tensor, rho: Optional[Tensor]) -> Factor:
        """Return h(|x|) / |x|, see `ClosedForm`."""
        return self.magnitude.closed_form.gain(r, rho, self.alpha, self.beta)

    def elasticity_of(self, r: Tensor, rho: Optional[Tensor], gain: Factor) -> Factor:
        """Return the elasticity of h by |x|, see `ClosedForm`."""
        return self.magnitude.closed_form.elasticity(
            r, rho, gain, self.alpha, self.beta
        )

    def rho(self, r: Tensor) -> Optional[Tensor]:
        """Return the operator radii, None for a magnitude without."""
        if self.radius is None:
            return None
        unit = self.mean_patch_norm(r) if self.relative else 1.0
        own = self.radius.square() + EPS if self.learns_radius else self.radius
        return self.per_kernel(own) * unit

    def k_of(self) -> Optional[Tensor]:
        """Return the curvature of the angle, None for an angle without."""
        return self.per_kernel(self.v.abs() + 0.05) if self.learns_k else self.k

    def unit_kernels(self, weight: Tensor) -> Tuple[Tensor, Tensor]:
        """Return the kernels divided by their norms, and these, kernels first."""
        if self.fixed_norms is not None:
            return weight, self.fixed_norms
        q = norm(weight, tuple(range(1, weight.dim())))
        return normalised(weight, q), q

    @torch.no_grad()
    def fix_kernels(self) -> None:
        """Normalise the kernels once and for all, for inference.

        Its state then has `fixed_norms`, so that a layer that would normalise again
        refuses it.
        """
        kernels, self.fixed_norms = self.unit_kernels(self.weight)
        self.weight = nn.Parameter(kernels, requires_grad=False)

    def per_kernel(self, values: Tensor) -> Tensor:
        """Shape (num_kernels,) or (1,) so that it broadcasts to the output."""
        raise NotImplementedError

    def extra_repr(self) -> str:
        """Return what the ordinary layer shows, and the operator."""
        magnitude, angle = self.names
        return f'{super().extra_repr()}, magnitude={magnitude!r}, angle={angle!r}'

    def mean_patch_norm(self, r: Tensor) -> Tensor:
        """Return m: the mean of `r` in training, its moving average in evaluation."""
        together = self.sync_mean_norm and dist.is_available() and dist.is_initialized()
        if not self.training or (r.numel() == 0 and not together):
            return self.mean_norm.to(r.dtype)
        mean = self._mean_of_processes(r) if together else r.mean()
        if not _recomputing():
            self.num_batches.add_(1)
            weight = torch.clamp(1 / self.num_batches, min=1 - self.decay)
            new = mean.detach().to(self.mean_norm)
            new = torch.where(new.isfinite(), new, self.mean_norm)
            self.mean_norm.lerp_(new, weight)
        return mean

    def _mean_of_processes(self, r: Tensor) -> Tensor:
        """Return the mean of `r` over all processes, some of which may have none."""
        count = torch.full_like(r.detach().sum(), r.numel())
        total = dist.nn.functional.all_reduce(torch.stack([r.sum(), count]))
        mean = total[0] / total[1].clamp(min=1)
        return torch.where(total[1] > 0, mean, self.mean_norm.to(r.dtype))

    def _apply(self, fn: Callable, recurse: bool = True) -> nn.Module:
        """Convert as any module, but keep a moving average that can move."""
        super()._apply(fn, recurse)
        if self.relative:
            self.mean_norm = at_least_float32(self.mean_norm)
        return self


def _recomputing() -> bool:
    """Whether this forward pass repeats one, inside backward (checkpointing)."""
    if torch.compiler.is_compiling():
        return False
    return torch._C._current_graph_task_id() != -1


def _check_names(magnitude: str, angle: str, radius_unit: str) -> None:
    for name, value, allowed in (
        ('magnitude', magnitude, MAGNITUDES),
        ('angle', angle, ANGLES),
        ('radius_unit', radius_unit, ('mean_norm', 'absolute')),
    ):
        if not isinstance(value, str) or value not in allowed:
            raise ValueError(f'{name}={value!r} is none of {sorted(allowed)}.')


def _check_numbers(
    alpha: float, beta: float, k: float, radius: Union[str, float], decay: float
) -> None:
    if isinstance(radius, str) and radius not in ('kernel', 'layer'):
        raise ValueError(f"radius={radius!r} is none of 'kernel', 'layer' or a number.")
    positive = dict(k=k) if isinstance(radius, str) else dict(k=k, radius=radius)
    for name, value in dict(alpha=alpha, beta=beta, decay=decay, **positive).items():
        if not _is_finite(value):
            raise ValueError(f'{name}={value!r} must be a finite number.')
        if name in positive and not value > 0:
            raise ValueError(f'{name}={value} must be > 0.')
    if not 0 <= decay < 1:
        raise ValueError(f'decay={decay} must be in [0, 1).')


def _is_finite(value: Any) -> bool:
    return isinstance(value, Real) and math.isfinite(value)
