"""Closed forms that make magnitude functions h cheap in eager PyTorch.

Ours. The gain h / r turns an inner product into a response of the cosine,
h * cos = gain * product, without a pass over the map for the cosine itself. The
elasticity r * h' / h says by how many per cent h grows when r does by one: the
derivative of a response y by r needs nothing but y, y * elasticity / r.

Symbols are those of `operators`, with alpha > 0 and beta >= 0. Both are for use
without a graph: automatic differentiation goes through h itself.
"""

from typing import Callable, NamedTuple, Union

import torch
import torch.nn.functional as F
from torch import Tensor

Factor = Union[float, Tensor]


class ClosedForm(NamedTuple):
    """Gain, elasticity, and the d for which h(s * r, s * rho) = s^d * h(r, rho)."""

    gain: Callable[..., Factor]
    elasticity: Callable[..., Factor]
    degree: int = 0


def sphere_gain(r: Tensor, rho: None, alpha: float, beta: float) -> Tensor:
    """Return alpha / r."""
    return alpha / r


def sphere_elasticity(
    r: Tensor, rho: None, gain: Tensor, alpha: float, beta: float
) -> float:
    """Return 0: h does not change."""
    return 0.0


def ball_gain(r: Tensor, rho: Tensor, alpha: float, beta: float) -> Tensor:
    """Return alpha * min(1 / r, 1 / rho)."""
    return torch.minimum(alpha / r, alpha / rho)


def ball_elasticity(
    r: Tensor, rho: Tensor, gain: Tensor, alpha: float, beta: float
) -> Tensor:
    """Return 1 up to rho, 0 beyond."""
    return r <= rho


def tanh_gain(r: Tensor, rho: Tensor, alpha: float, beta: float) -> Tensor:
    """Return alpha * tanh(r / rho) / r, as -e / (2 + e) for e = expm1(-2 * r / rho)."""
    e = torch.mul(r, -2 / rho).expm1_()
    return e.div_(torch.addcmul(r * (-2 / alpha), e, r, value=-1 / alpha))


def tanh_elasticity(
    r: Tensor, rho: Tensor, gain: Tensor, alpha: float, beta: float
) -> Tensor:
    """Return alpha / rho * (1 - t^2) / gain for t = tanh(r / rho).

    What rounding leaves of 1 - t^2 where t is 1 would grow with r / rho: it is cut off.
    """
    t = gain * (r / alpha)
    slope = torch.addcmul(r.new_ones(()), t, t, value=-1)
    F.threshold_(slope, 8 * torch.finfo(r.dtype).eps, 0)
    return slope.mul_(alpha / rho).div_(gain)


def linear_gain(r: Tensor, rho: None, alpha: float, beta: float) -> float:
    """Return alpha."""
    return alpha


def linear_elasticity(
    r: Tensor, rho: None, gain: float, alpha: float, beta: float
) -> float:
    """Return 1: h grows as r does."""
    return 1.0


def segmented_gain(r: Tensor, rho: Tensor, alpha: float, beta: float) -> Tensor:
    """Return beta + (alpha - beta) * min(rho / r, 1)."""
    return torch.addcmul(
        r.new_tensor(beta), torch.minimum(1 / r, 1 / rho), (alpha - beta) * rho
    )


def segmented_elasticity(
    r: Tensor, rho: Tensor, gain: Tensor, alpha: float, beta: float
) -> Tensor:
    """Return alpha / gain, which is 1, up to rho, and beta / gain beyond."""
    return torch.where(r <= rho, r.new_tensor(alpha), r.new_tensor(beta)).div_(gain)


def log_gain(r: Tensor, rho: None, alpha: float, beta: float) -> Tensor:
    """Return alpha * log(1 + r) / r."""
    return alpha * torch.log1p(r) / r


def log_elasticity(
    r: Tensor, rho: None, gain: Tensor, alpha: float, beta: float
) -> Tensor:
    """Return alpha / (1 + r) / gain."""
    return alpha / ((1 + r) * gain)


def mix_gain(r: Tensor, rho: None, alpha: float, beta: float) -> Tensor:
    """Return alpha + beta * log(1 + r) / r."""
    return alpha + beta * torch.log1p(r) / r


def mix_elasticity(
    r: Tensor, rho: None, gain: Tensor, alpha: float, beta: float
) -> Tensor:
    """Return (alpha + beta / (1 + r)) / gain."""
    return (alpha + beta / (1 + r)) / gain


SPHERE = ClosedForm(sphere_gain, sphere_elasticity)
BALL = ClosedForm(ball_gain, ball_elasticity)
TANH = ClosedForm(tanh_gain, tanh_elasticity)
LINEAR = ClosedForm(linear_gain, linear_elasticity)
SEGMENTED = ClosedForm(segmented_gain, segmented_elasticity, degree=1)
LOG = ClosedForm(log_gain, log_elasticity)
MIX = ClosedForm(mix_gain, mix_elasticity)
