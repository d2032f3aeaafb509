"""Decoupled operators: magnitude functions h and angle functions g.

Paper: Decoupled Networks, CVPR 2018, arXiv 1804.08071: f(w, x) = h(|w|, |x|) *
g(theta), theta the angle between kernel w and patch x.
Code: wy1iu/DCNets has ball, tanh, linear and segmented with the cosine, and linear
with the square cosine.

Symbols: r = |x| (patch norm), q = |w| (kernel norm), rho (operator radius, > 0),
alpha and beta (scales), cos = cos(theta). All broadcast against each other.
"""

import math
from typing import Callable, Dict, NamedTuple, Optional

import torch
from torch import Tensor

from mmadf.models.layers.decoupled import closed_forms

from .closed_forms import ClosedForm
from .primitives import positive_tanh, signed_square, smaller

# asin has an infinite slope at +-1, which rounding can reach.
MAX_COS = 1 - 1e-6


def sphere(
    r: Tensor, q: Tensor, rho: Optional[Tensor], alpha: float, beta: float
) -> Tensor:
    """Return alpha. Paper: SphereConv."""
    return torch.full_like(r, alpha)


def ball(r: Tensor, q: Tensor, rho: Tensor, alpha: float, beta: float) -> Tensor:
    """Return alpha * min(r, rho) / rho. Paper and code: BallConv."""
    return smaller(r, rho) * (alpha / rho)


def tanh(r: Tensor, q: Tensor, rho: Tensor, alpha: float, beta: float) -> Tensor:
    """Return alpha * tanh(r / rho). Paper and code: TanhConv."""
    return _times(alpha, positive_tanh(r, 1 / rho))


def linear(
    r: Tensor, q: Tensor, rho: Optional[Tensor], alpha: float, beta: float
) -> Tensor:
    """Return alpha * r. Paper and code: LinearConv."""
    return alpha * r


def segmented(r: Tensor, q: Tensor, rho: Tensor, alpha: float, beta: float) -> Tensor:
    """Return alpha * r up to rho, and slope beta beyond. Paper and code: SegConv.

    Written as beta * r + (alpha - beta) * min(r, rho), which reads each map once.
    """
    return torch.add(beta * r, smaller(r, rho), alpha=alpha - beta)


def log(
    r: Tensor, q: Tensor, rho: Optional[Tensor], alpha: float, beta: float
) -> Tensor:
    """Return alpha * log(1 + r). Paper: LogConv."""
    return alpha * torch.log1p(r)


def mix(
    r: Tensor, q: Tensor, rho: Optional[Tensor], alpha: float, beta: float
) -> Tensor:
    """Return alpha * r + beta * log(1 + r). Paper: MixConv, by recollection only."""
    return alpha * r + beta * torch.log1p(r)


def weighted_linear(
    r: Tensor, q: Tensor, rho: Optional[Tensor], alpha: float, beta: float
) -> Tensor:
    """Return alpha * q. Paper: the linear weighted operator."""
    return alpha * q.expand_as(r * q)


def weighted_tanh(
    r: Tensor, q: Tensor, rho: Tensor, alpha: float, beta: float
) -> Tensor:
    """Return alpha * tanh(r * q / rho).

    Paper: the first nonlinear weighted operator; its bracket is uncertain.
    """
    return _times(alpha, positive_tanh(r, q / rho))


def weighted_tanh_product(
    r: Tensor, q: Tensor, rho: Tensor, alpha: float, beta: float
) -> Tensor:
    """Return alpha * tanh(q / rho) * tanh(r / rho). Paper: the second one."""
    return positive_tanh(r, 1 / rho) * (alpha * torch.tanh(q / rho))


def _times(alpha: float, h: Tensor) -> Tensor:
    """Return alpha * h, without a pass over the map where alpha is 1."""
    return h if alpha == 1 else alpha * h


def linear_angle(cos: Tensor, k: Optional[Tensor]) -> Tensor:
    """Return 1 - 2 * theta / pi, exact around 0. Paper: linear."""
    return 2 / math.pi * torch.asin(cos.clamp(-MAX_COS, MAX_COS))


def cosine_angle(cos: Tensor, k: Optional[Tensor]) -> Tensor:
    """Return cos(theta). Paper and code: cosine."""
    return cos


def square_cosine_angle(cos: Tensor, k: Optional[Tensor]) -> Tensor:
    """Return sign(cos) * cos^2. Paper and code: square cosine."""
    return signed_square(cos)


def sigmoid_angle(cos: Tensor, k: Tensor) -> Tensor:
    """Return tanh((pi/2 - theta) / (2k)) / tanh(pi / (4k)), k > 0.

    Paper: sigmoid, whose exponential form this equals and does not overflow.
    """
    complement = torch.asin(cos.clamp(-MAX_COS, MAX_COS))
    return torch.tanh(complement / (2 * k)) / torch.tanh(math.pi / (4 * k))


class Magnitude(NamedTuple):
    """A function h, whether it has an operator radius, and perhaps closed forms.

    These make it faster, and are not needed.
    """

    function: Callable[..., Tensor]
    has_radius: bool
    closed_form: Optional[ClosedForm] = None


def cos_from_cosine(g: Tensor) -> Tensor:
    """Invert `cosine_angle`."""
    return g


def cos_from_square_cosine(g: Tensor) -> Tensor:
    """Invert `square_cosine_angle`."""
    return g.abs().sqrt().copysign(g)


class Angle(NamedTuple):
    """A function g, where its k comes from: '', 'fixed' or 'learned', and its inverse.

    The inverse gives cos(theta) back from g. It saves computing the inner products
    twice in training; None where rounding would spoil it. `power` is the p for which
    |g| = |cos(theta)|^p, 0 for no power: powers can make use of closed forms.
    """

    function: Callable[..., Tensor]
    k: str = ''
    inverse: Optional[Callable[[Tensor], Tensor]] = None
    power: int = 0


MAGNITUDES: Dict[str, Magnitude] = dict(
    sphere=Magnitude(sphere, False, closed_forms.SPHERE),
    ball=Magnitude(ball, True, closed_forms.BALL),
    tanh=Magnitude(tanh, True, closed_forms.TANH),
    linear=Magnitude(linear, False, closed_forms.LINEAR),
    segmented=Magnitude(segmented, True, closed_forms.SEGMENTED),
    log=Magnitude(log, False, closed_forms.LOG),
    mix=Magnitude(mix, False, closed_forms.MIX),
    weighted_linear=Magnitude(weighted_linear, False),
    weighted_tanh=Magnitude(weighted_tanh, True),
    weighted_tanh_product=Magnitude(weighted_tanh_product, True),
)
ANGLES: Dict[str, Angle] = dict(
    linear=Angle(linear_angle),
    cosine=Angle(cosine_angle, inverse=cos_from_cosine, power=1),
    square_cosine=Angle(square_cosine_angle, inverse=cos_from_square_cosine, power=2),
    sigmoid=Angle(sigmoid_angle, 'fixed'),
    learnable_sigmoid=Angle(sigmoid_angle, 'learned'),
)
