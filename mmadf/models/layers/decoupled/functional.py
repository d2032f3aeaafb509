"""Decoupled convolution as a function of tensors."""

import warnings
from contextlib import nullcontext
from functools import cache
from typing import ContextManager, Optional, Tuple, Union

import torch
import torch.nn.functional as F
from torch import Tensor

from .operators import ANGLES, MAGNITUDES

Size = Union[int, Tuple[int, int]]

EPS = 1e-4  # Code: added under both square roots.


def decoupled_conv2d(
    x: Tensor,
    weight: Tensor,
    bias: Optional[Tensor] = None,
    stride: Size = 1,
    padding: Union[Size, str] = 0,
    dilation: Size = 1,
    groups: int = 1,
    *,
    rho: Optional[Tensor] = None,
    k: Optional[Tensor] = None,
    magnitude: str = 'tanh',
    angle: str = 'cosine',
    alpha: float = 1.0,
    beta: float = 0.5,
    patch_norms: Optional[Tensor] = None,
    kernel_norms: Optional[Tensor] = None,
) -> Tensor:
    """Compute h(|w|, |x|) * g(theta) for each kernel w and each patch x.

    Paper: Decoupled Networks, CVPR 2018, arXiv 1804.08071.
    Code: wy1iu/DCNets: both norms are sqrt(sum of squares + 1e-4).
    Ours: groups have a patch norm each; norms and h are computed in float32 or better.

    Args:
        x: input, (N, C, H, W).
        weight: kernels, (K, C / groups, kh, kw).
        bias: added to the output, (K,).
        stride, padding, dilation, groups: as in `torch.nn.functional.conv2d`.
        rho: operator radii, (K,) or (1,), > 0; only for magnitudes that have a radius.
        k: curvature of the sigmoid angles, (K,) or (1,), > 0; only for these.
        magnitude: h, a name in `MAGNITUDES`.
        angle: g, a name in `ANGLES`.
        alpha: scale of the magnitude.
        beta: slope beyond the radius ('segmented'), scale of the logarithm ('mix').
        patch_norms: result of `patch_norm` if known, (N, groups, H', W').
        kernel_norms: norms of the original kernels, (K,), if `weight` is normalised.

    Returns:
        (N, K, H', W'), in the precision of the convolution.
    """
    geometry = stride, padding, dilation, groups
    scale = product_scale(x)
    kernels, q = unit_kernels(weight, kernel_norms)
    if patch_norms is None:
        patch_norms = patch_norm(x, weight.shape[2:], *geometry)
    dot = F.conv2d(times(x, scale), kernels, None, *geometry)
    last = is_channels_last(dot)
    r = by_group(patch_norms, groups, last)
    q, rho, k = (per_kernel(values, groups, last) for values in (q, rho, k))
    cos = by_group(dot, groups, last) * (1 / (r * scale))
    h = MAGNITUDES[magnitude].function(r, q, rho, alpha, beta)
    y = ungroup(h * ANGLES[angle].function(cos, k), last).to(dot.dtype)
    return y if bias is None else y + bias.to(y.dtype)[:, None, None]


def patch_norm(
    x: Tensor,
    kernel_size: Tuple[int, int],
    stride: Size = 1,
    padding: Union[Size, str] = 0,
    dilation: Size = 1,
    groups: int = 1,
    squares: Optional[Tensor] = None,
) -> Tensor:
    """Compute the norm of the patch under the kernel, per group and position.

    Code: wy1iu/DCNets: sqrt(sum of squares + 1e-4).
    Ours: squares are summed over the channels first, then over the window.

    Args:
        x: input, (N, C, H, W).
        kernel_size: height and width of the window.
        stride, padding, dilation: as in `torch.nn.functional.conv2d`.
        groups: groups of channels, with a norm each.
        squares: result of `channel_square_sum` if known.

    Returns:
        (N, groups, H', W'), in float32 or better.
    """
    if squares is None:
        squares = channel_square_sum(x, groups)
    ones = squares.new_ones(groups, 1, *kernel_size)
    with without_autocast(x):
        total = F.conv2d(squares, ones, None, stride, padding, dilation, groups)
    return (total + EPS).sqrt()


def channel_square_sum(x: Tensor, groups: int) -> Tensor:
    """Sum the squares over each group's channels: (N, C, H, W) -> (N, groups, H, W).

    The result has float32 or better: sums of squares overflow in float16.
    """
    return at_least_float32(by_group(x, groups)).square().sum(2)


def unit_kernels(
    weight: Tensor, kernel_norms: Optional[Tensor] = None
) -> Tuple[Tensor, Tensor]:
    """Return normalised kernels, (K, ...), and the norms of the original ones, (K,).

    If `kernel_norms` is given, `weight` is normalised already.
    """
    if kernel_norms is not None:
        return weight, kernel_norms
    w = at_least_float32(weight)
    dims = tuple(range(1, w.dim()))
    q = (w.square().sum(dims, keepdim=True) + EPS).sqrt()
    return (w / q).to(weight.dtype), q.flatten()


def is_channels_last(x: Tensor) -> bool:
    """Return whether (N, C, H, W) lies in memory as (N, H, W, C)."""
    return x.is_contiguous(memory_format=torch.channels_last)


def by_group(x: Tensor, groups: int, last: bool = False) -> Tensor:
    """Reshape (N, C, H, W) to (N, groups, C / groups, H, W).

    If `last`, to (N, H, W, groups, C / groups): where that is the order in memory,
    results of broadcasting keep the channels-last layout.
    """
    x = x.movedim(1, -1) if last else x
    return x.unflatten(-1 if last else 1, (groups, -1))


def ungroup(x: Tensor, last: bool) -> Tensor:
    """Invert `by_group`."""
    return x.flatten(-2).movedim(-1, 1) if last else x.flatten(1, 2)


def per_kernel(values: Optional[Tensor], groups: int, last: bool) -> Optional[Tensor]:
    """Reshape (K,) or (1,) so that it broadcasts to the result of `by_group`."""
    if values is None:
        return None
    shape = groups if len(values) > 1 else 1, -1
    return values.view(shape if last else (*shape, 1, 1))


def at_least_float32(x: Tensor) -> Tensor:
    """Return `x` in float32, or in float64 if it has that precision."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def times(x: Tensor, scale: float) -> Tensor:
    """Return x * scale, without a copy if the scale is 1."""
    return x if scale == 1 else x * scale


def product_scale(x: Tensor) -> float:
    """Return a factor that keeps inner products with `x` in range: 1/8 in float16."""
    kind = x.device.type
    autocast = torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)
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
            'This CPU has no fast float16 convolutions: they take some 30 times as '
            'long as in float32. Use bfloat16 or float32 instead.',
            stacklevel=2,
        )


def without_autocast(x: Tensor) -> ContextManager:
    """Switch autocast off for the device of `x`; the meta device has none."""
    kind = x.device.type
    if not torch.amp.is_autocast_available(kind):
        return nullcontext()
    return torch.autocast(kind, enabled=False)
