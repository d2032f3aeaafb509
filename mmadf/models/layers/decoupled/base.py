"""What decoupled convolution and decoupled linear layer share: the operator."""

from typing import Optional, Tuple, Union

import torch
import torch.distributed as dist
from torch import Tensor, nn

from .closed_forms import Factor
from .norms import EPS, norm, normalised
from .operators import ANGLES, MAGNITUDES


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
        _check(magnitude, angle, k, radius, radius_unit, decay)
        self.names = (magnitude, angle)
        self.magnitude, self.angle = MAGNITUDES[magnitude], ANGLES[angle]
        self.alpha, self.beta, self.decay = alpha, beta, decay
        self.sync_mean_norm = sync_mean_norm
        self.register_buffer('fixed_norms', None)
        self.relative = self.magnitude.has_radius and radius_unit == 'mean_norm'
        if self.relative:
            self.register_buffer('mean_norm', torch.ones(()))
            self.register_buffer('num_batches', torch.zeros((), dtype=torch.long))
        if not self.magnitude.has_radius:
            self.radius = None
        elif isinstance(radius, str):
            count = num_kernels if radius == 'kernel' else 1
            self.radius, self.rho_of = nn.Parameter(torch.ones(count)), _learned_rho
        else:
            self.register_buffer('radius', torch.full((1,), float(radius)))
            self.rho_of = _fixed_rho
        self.k_of = K_KINDS[self.angle.k]
        if self.angle.k == 'learned':
            self.v = nn.Parameter(torch.full((num_kernels,), 0.7))
        elif self.angle.k == 'fixed':
            self.register_buffer('k', torch.full((1,), float(k)), persistent=False)

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
            k: curvature of the angle, see `K_KINDS`.
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
        return self.per_kernel(self.rho_of(self.radius)) * unit

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
        if not self.training or r.numel() == 0:
            return self.mean_norm.to(r.dtype)
        mean = r.mean()
        if self.sync_mean_norm and dist.is_available() and dist.is_initialized():
            mean = dist.nn.functional.all_reduce(mean) / dist.get_world_size()
        if not _recomputing():
            self.num_batches += 1
            weight = torch.clamp(1 / self.num_batches, min=1 - self.decay)
            self.mean_norm.lerp_(mean.detach().to(self.mean_norm), weight)
        return mean


def _learned_rho(radius: Tensor) -> Tensor:
    return radius.square() + EPS


def _fixed_rho(radius: Tensor) -> Tensor:
    return radius


def _no_k(layer: DecoupledOperator) -> None:
    return None


def _fixed_k(layer: DecoupledOperator) -> Tensor:
    return layer.k


def _learned_k(layer: DecoupledOperator) -> Tensor:
    return layer.per_kernel(layer.v.abs() + 0.05)


K_KINDS = {'': _no_k, 'fixed': _fixed_k, 'learned': _learned_k}


def _recomputing() -> bool:
    """Whether this forward pass repeats one, inside backward (checkpointing)."""
    if torch.compiler.is_compiling():
        return False
    return torch._C._current_graph_task_id() != -1


def _check(
    magnitude: str,
    angle: str,
    k: float,
    radius: Union[str, float],
    radius_unit: str,
    decay: float,
) -> None:
    for name, value, allowed in (
        ('magnitude', magnitude, MAGNITUDES),
        ('angle', angle, ANGLES),
        ('radius_unit', radius_unit, ('mean_norm', 'absolute')),
    ):
        if value not in allowed:
            raise ValueError(f'{name}={value!r} is none of {sorted(allowed)}.')
    if isinstance(radius, str) and radius not in ('kernel', 'layer'):
        raise ValueError(f"radius={radius!r} is none of 'kernel', 'layer' or a number.")
    if not isinstance(radius, str) and not radius > 0:
        raise ValueError(f'radius={radius} must be > 0.')
    if not k > 0:
        raise ValueError(f'k={k} must be > 0.')
    if not 0 <= decay < 1:
        raise ValueError(f'decay={decay} must be in [0, 1).')
