"""The formula of decoupled convolution, and the norms in it, in plain PyTorch."""

import warnings
from functools import cache
from typing import Any, NamedTuple, Optional, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mmadf.models.layers.autocast import has_autocast

from .operators import ANGLES, MAGNITUDES

EPS = 1e-4  # Code: added under both square roots.
# Squares of float32 numbers overflow at 1.8e19, and at 2e31 after this exact scaling;
# what underflows is far below EPS.
SQUARE_SCALE = 2.0**-40


class Operator(NamedTuple):
    """Names of h and g in `operators`, and the scales of h."""

    magnitude: str
    angle: str
    alpha: float
    beta: float

    def h(self, r: Tensor, q: Tensor, rho: Optional[Tensor]) -> Tensor:
        """Return h(|w|, |x|)."""
        return MAGNITUDES[self.magnitude].function(r, q, rho, self.alpha, self.beta)

    def g(self, cos: Tensor, k: Optional[Tensor]) -> Tensor:
        """Return g(theta)."""
        return ANGLES[self.angle].function(cos, k)


def convolve(
    x: Tensor,
    weight: Tensor,
    r: Tensor,
    rho: Optional[Tensor],
    k: Optional[Tensor],
    kernel_norms: Optional[Tensor],
    geometry: Tuple[Any, ...],
    operator: Operator,
) -> Tensor:
    """Return h(|w|, |x|) * g(theta) for each kernel w and each patch x.

    The arguments are those of `decoupled_conv2d`, where `r` are the patch norms and
    `geometry` is stride, padding, dilation and groups.
    """
    dot, q, scale = inner_products(x, weight, kernel_norms, geometry)
    return respond(dot, r, q, rho, k, scale, geometry[-1], operator)


def inner_products(
    x: Tensor,
    weight: Tensor,
    kernel_norms: Optional[Tensor],
    geometry: Tuple[Any, ...],
) -> Tuple[Tensor, Tensor, float]:
    """Return the inner products with normalised kernels, kernel norms and scale."""
    kernels, q = unit_kernels(weight, kernel_norms)
    scale = product_scale(x)
    return F.conv2d(times(x, scale), kernels, None, *geometry), q, scale


def respond(
    dot: Tensor,
    r: Tensor,
    q: Tensor,
    rho: Optional[Tensor],
    k: Optional[Tensor],
    scale: float,
    groups: int,
    operator: Operator,
    in_place: bool = False,
) -> Tensor:
    """Return h(|w|, |x|) * g(theta) for the inner products, scaled by `scale`."""
    maps, r = split(dot, groups), split(r, groups)
    q, rho, k = (per_kernel(values, groups) for values in (q, rho, k))
    cos = torch.mul(maps, 1 / (r * scale), out=maps if in_place else None)
    h, g = operator.h(r, q, rho), operator.g(cos, k)
    if in_place:
        torch.mul(h, g, out=maps)
        return dot
    return (h * g).flatten(1, 2).to(dot.dtype)


def channel_square_sum(x: Tensor, groups: int, scale: float = 1.0) -> Tensor:
    """Sum the squares of scale * x over the channels of each group.

    The result, (N, groups, H, W), has float32 or better: sums of squares overflow in
    float16.
    """
    return times(at_least_float32(split(x, groups)), scale).square().sum(2)


def unit_kernels(
    weight: Tensor, kernel_norms: Optional[Tensor] = None
) -> Tuple[Tensor, Tensor]:
    """Return normalised kernels, (K, ...), and the norms of the original ones, (K,)."""
    if kernel_norms is not None:
        return weight, kernel_norms
    w = at_least_float32(weight)
    dims = tuple(range(1, w.dim()))
    q = (w.square().sum(dims, keepdim=True) + EPS).sqrt()
    return (w / q).to(weight.dtype), q.flatten()


def split(x: Tensor, groups: int) -> Tensor:
    """Split the channels into groups: (N, C, H, W) -> (N, groups, C / groups, H, W)."""
    return x.unflatten(1, (groups, -1))


def per_kernel(values: Optional[Tensor], groups: int) -> Optional[Tensor]:
    """Reshape (K,) or (1,) so that it broadcasts to the result of `split`."""
    if values is None:
        return None
    return values.view(groups if len(values) > 1 else 1, -1, 1, 1)


def at_least_float32(x: Tensor) -> Tensor:
    """Return `x` in float32, or in float64 if it has that precision."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def times(x: Tensor, scale: float) -> Tensor:
    """Return x * scale, without a copy if the scale is 1."""
    return x if scale == 1 else x * scale


def product_scale(x: Tensor) -> float:
    """Return a factor that keeps inner products with `x` in range: 1/8 in float16."""
    kind = x.device.type
    autocast = has_autocast(x) and torch.is_autocast_enabled(kind)
    dtype = torch.get_autocast_dtype(kind) if autocast else x.dtype
    if dtype != torch.float16:
        return 1.0
    if kind == 'cpu' and not torch.compiler.is_compiling():
        _warn_of_slow_float16()
    return 2.0**-3


@cache
def _warn_of_slow_float16() -> None:
    if not torch.ops.mkldnn._is_mkldnn_fp16_supported():
        warnings.warn(
            'DecoupledConv2d: float16 convolutions take about 30 times as long as '
            'float32 on this CPU; use bfloat16 or float32.',
            stacklevel=2,
        )
