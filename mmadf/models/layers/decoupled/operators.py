"""Magnitude functions h and angle functions g of decoupled operators.

Paper: Decoupled Networks, CVPR 2018, arXiv 1804.08071: f(w, x) = h(|w|, |x|) *
g(theta), where theta is the angle between the kernel w and the patch x.
Code: wy1iu/DCNets has ball, tanh, linear and segmented with the cosine, and linear
with the square cosine.

Every h takes (r, q, rho, a, b): the patch norm r = |x| > 0, the kernel norm q = |w| >
0, the operator radius rho > 0, and the scales alpha and beta. Every g takes (cos, k):
the cosine of theta, and the curvature k > 0 of the sigmoid. All tensors broadcast
against each other; arguments that a function does not use may be None.
"""

import math
from typing import Callable, Dict, NamedTuple, Optional

import torch
import torch.nn.functional as F
from torch import Tensor

# asin has an infinite slope at +-1, which rounding can reach.
MAX_COS = 1 - 1e-6


class Magnitude(NamedTuple):
    """A function h, and whether it has an operator radius rho."""

    function: Callable[..., Tensor]
    has_radius: bool = False


class Angle(NamedTuple):
    """A function g, the origin of its k ('', 'fixed' or 'learned'), and its inverse.

    The inverse returns cos(theta); it is None where it would lose too much precision.
    """

    function: Callable[..., Tensor]
    k: str = ''
    inverse: Optional[Callable[[Tensor], Tensor]] = None


def tanh(r: Tensor, slope: Tensor, a: float) -> Tensor:
    """Return a * tanh(slope * r). Ours: a fifth of the time of torch.tanh on a CPU."""
    return torch.rsub(torch.sigmoid(r * (2 * slope)), -a, alpha=-2 * a)


def bounded(r: Tensor, rho: Tensor, a: float) -> Tensor:
    """Return a * min(r / rho, 1). Ours: a fifth of torch.minimum's time on a CPU."""
    return F.hardtanh(r * (a / rho), min(a, 0.0), max(a, 0.0))


def complement(cos: Tensor) -> Tensor:
    """Return pi / 2 - theta, exact around 0."""
    return torch.asin(cos.clamp(-MAX_COS, MAX_COS))


def sigmoid_angle(cos: Tensor, k: Tensor) -> Tensor:
    """Return tanh((pi / 2 - theta) / (2k)) / tanh(pi / (4k)).

    Paper: sigmoid; this form equals the exponential one and does not overflow.
    """
    return torch.tanh(complement(cos) / (2 * k)) / torch.tanh(math.pi / (4 * k))


MAGNITUDES: Dict[str, Magnitude] = dict(
    # Paper: SphereConv, a.
    sphere=Magnitude(lambda r, q, rho, a, b: torch.full_like(r, a)),
    # Paper and code: BallConv, a * min(r, rho) / rho.
    ball=Magnitude(lambda r, q, rho, a, b: bounded(r, rho, a), True),
    # Paper and code: TanhConv, a * tanh(r / rho).
    tanh=Magnitude(lambda r, q, rho, a, b: tanh(r, 1 / rho, a), True),
    # Paper and code: LinearConv.
    linear=Magnitude(lambda r, q, rho, a, b: a * r),
    # Paper and code: SegConv, slope a up to rho and slope b beyond.
    segmented=Magnitude(
        lambda r, q, rho, a, b: torch.add(a * r, (r + -rho).relu(), alpha=b - a), True
    ),
    # Paper: LogConv.
    log=Magnitude(lambda r, q, rho, a, b: a * torch.log1p(r)),
    # Paper: MixConv, by recollection only.
    mix=Magnitude(lambda r, q, rho, a, b: a * r + b * torch.log1p(r)),
    # Paper: the linear weighted operator.
    weighted_linear=Magnitude(lambda r, q, rho, a, b: a * q.expand_as(r * q)),
    # Paper: the first nonlinear weighted one, a * tanh(r * q / rho); its bracket is
    # uncertain.
    weighted_tanh=Magnitude(lambda r, q, rho, a, b: tanh(r, q / rho, a), True),
    # Paper: the second one, a * tanh(q / rho) * tanh(r / rho).
    weighted_tanh_product=Magnitude(
        lambda r, q, rho, a, b: torch.tanh(q / rho) * tanh(r, 1 / rho, a), True
    ),
)
ANGLES: Dict[str, Angle] = dict(
    # Paper: linear, 1 - 2 * theta / pi.
    linear=Angle(lambda cos, k: 2 / math.pi * complement(cos)),
    # Paper and code: cosine.
    cosine=Angle(lambda cos, k: cos, inverse=lambda g: g),
    # Paper and code: square cosine, sign(cos) * cos^2.
    square_cosine=Angle(
        lambda cos, k: cos * cos.abs(), inverse=lambda g: g.abs().sqrt().copysign(g)
    ),
    sigmoid=Angle(sigmoid_angle, k='fixed'),
    # Ours: k is learned, as in SphereNet, arXiv 1711.03189.
    learnable_sigmoid=Angle(sigmoid_angle, k='learned'),
)
