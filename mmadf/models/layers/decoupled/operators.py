"""Magnitude functions h and angle functions g of decoupled operators.

Paper: Decoupled Networks, CVPR 2018, arXiv 1804.08071: f(w, x) = h(|w|, |x|) *
g(theta), where theta is the angle between the kernel w and the patch x.
Code: wy1iu/DCNets has ball, tanh, linear and segmented with the cosine, and linear
with the square cosine.

Every h takes (r, q, rho, alpha, beta): the patch norm r = |x| > 0, the kernel norm
q = |w| > 0, the operator radius rho > 0, and two scales. Every g takes (cos, k): the
cosine of theta, and the curvature k > 0 of the sigmoid. All tensors broadcast against
each other; arguments that a function does not use may be None.
"""

import math
from typing import Callable, Dict, NamedTuple, Optional

import torch
from torch import Tensor

# asin has an infinite slope at +-1, which rounding can reach.
MAX_COS = 1 - 1e-6


def sphere(r: Tensor, q: Tensor, rho: None, alpha: float, beta: float) -> Tensor:
    """Return alpha. Paper: SphereConv."""
    return torch.full_like(r, alpha)


def ball(r: Tensor, q: Tensor, rho: Tensor, alpha: float, beta: float) -> Tensor:
    """Return alpha * min(r, rho) / rho. Paper and code: BallConv."""
    return (r - torch.relu(r - rho)) * (alpha / rho)


def tanh(r: Tensor, q: Tensor, rho: Tensor, alpha: float, beta: float) -> Tensor:
    """Return alpha * tanh(r / rho). Paper and code: TanhConv."""
    return _scaled_tanh(r * (2 / rho), alpha)


def linear(r: Tensor, q: Tensor, rho: None, alpha: float, beta: float) -> Tensor:
    """Return alpha * r. Paper and code: LinearConv."""
    return alpha * r


def segmented(r: Tensor, q: Tensor, rho: Tensor, alpha: float, beta: float) -> Tensor:
    """Return alpha * r up to rho, with slope beta beyond. Paper and code: SegConv."""
    return alpha * r - (alpha - beta) * torch.relu(r - rho)


def log(r: Tensor, q: Tensor, rho: None, alpha: float, beta: float) -> Tensor:
    """Return alpha * log(1 + r). Paper: LogConv."""
    return alpha * torch.log1p(r)


def mix(r: Tensor, q: Tensor, rho: None, alpha: float, beta: float) -> Tensor:
    """Return alpha * r + beta * log(1 + r). Paper: MixConv, by recollection only."""
    return alpha * r + beta * torch.log1p(r)


def weighted_linear(
    r: Tensor, q: Tensor, rho: None, alpha: float, beta: float
) -> Tensor:
    """Return alpha * q. Paper: the linear weighted operator."""
    return alpha * q.expand_as(r * q)


def weighted_tanh(
    r: Tensor, q: Tensor, rho: Tensor, alpha: float, beta: float
) -> Tensor:
    """Return alpha * tanh(r * q / rho).

    Paper: the first nonlinear weighted operator; its bracket is uncertain.
    """
    return _scaled_tanh(r * (2 * q / rho), alpha)


def weighted_tanh_product(
    r: Tensor, q: Tensor, rho: Tensor, alpha: float, beta: float
) -> Tensor:
    """Return alpha * tanh(q / rho) * tanh(r / rho). Paper: the second one."""
    return _scaled_tanh(r * (2 / rho), 1.0) * (alpha * torch.tanh(q / rho))


def _scaled_tanh(double: Tensor, alpha: float) -> Tensor:
    """Return alpha * tanh(double / 2).

    Ours: the sigmoid takes a tenth of the time of PyTorch's tanh on a CPU.
    """
    return torch.sigmoid(double) * (2 * alpha) - alpha


def linear_angle(cos: Tensor, k: Optional[Tensor]) -> Tensor:
    """Return 1 - 2 * theta / pi, exact around 0. Paper: linear."""
    return 2 / math.pi * torch.asin(cos.clamp(-MAX_COS, MAX_COS))


def cosine_angle(cos: Tensor, k: Optional[Tensor]) -> Tensor:
    """Return cos(theta). Paper and code: cosine."""
    return cos


def square_cosine_angle(cos: Tensor, k: Optional[Tensor]) -> Tensor:
    """Return sign(cos) * cos^2. Paper and code: square cosine."""
    return cos * cos.abs()


def sigmoid_angle(cos: Tensor, k: Tensor) -> Tensor:
    """Return tanh((pi/2 - theta) / (2k)) / tanh(pi / (4k)).

    Paper: sigmoid; this form equals the exponential one and does not overflow.
    """
    complement = torch.asin(cos.clamp(-MAX_COS, MAX_COS))
    return torch.tanh(complement / (2 * k)) / torch.tanh(math.pi / (4 * k))


def inverse_square_cosine_angle(g: Tensor) -> Tensor:
    """Return cos(theta) from `square_cosine_angle`."""
    return g.abs().sqrt().copysign(g)


class Magnitude(NamedTuple):
    """A function h, and whether it has an operator radius rho."""

    function: Callable[..., Tensor]
    has_radius: bool


class Angle(NamedTuple):
    """A function g, the origin of its k ('', 'fixed' or 'learned'), and its inverse.

    The inverse is None where it would lose too much precision.
    """

    function: Callable[..., Tensor]
    k: str = ''
    inverse: Optional[Callable[[Tensor], Tensor]] = None


MAGNITUDES: Dict[str, Magnitude] = dict(
    sphere=Magnitude(sphere, has_radius=False),
    ball=Magnitude(ball, has_radius=True),
    tanh=Magnitude(tanh, has_radius=True),
    linear=Magnitude(linear, has_radius=False),
    segmented=Magnitude(segmented, has_radius=True),
    log=Magnitude(log, has_radius=False),
    mix=Magnitude(mix, has_radius=False),
    weighted_linear=Magnitude(weighted_linear, has_radius=False),
    weighted_tanh=Magnitude(weighted_tanh, has_radius=True),
    weighted_tanh_product=Magnitude(weighted_tanh_product, has_radius=True),
)
ANGLES: Dict[str, Angle] = dict(
    linear=Angle(linear_angle),
    cosine=Angle(cosine_angle, inverse=lambda g: g),
    square_cosine=Angle(square_cosine_angle, inverse=inverse_square_cosine_angle),
    sigmoid=Angle(sigmoid_angle, k='fixed'),
    learnable_sigmoid=Angle(sigmoid_angle, k='learned'),
)
