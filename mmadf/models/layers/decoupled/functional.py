"""Decoupled convolution as a function of tensors."""

from typing import Optional, Tuple, Union

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.modules.utils import _pair

from mmadf.models.layers.autocast import without_autocast

from .formula import (
    EPS,
    SQUARE_SCALE,
    Operator,
    channel_square_sum,
    convolve,
)
from .lean import LeanConvolution, LeanSquareSum
from .operators import ANGLES, MAGNITUDES

Size = Union[int, Tuple[int, int]]


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
        stride: as in `torch.nn.functional.conv2d`.
        padding: likewise, 'same' and 'valid' included.
        dilation: likewise.
        groups: likewise.
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

    Raises:
        ValueError: an unknown name, an input or kernels without 4 dimensions, `rho` or
            `k` is missing or of another shape, or padding='same' with a stride other
            than 1.
    """
    _check_shapes(x, weight)
    _check(magnitude, angle, rho, k, weight.shape[0])
    _check_padding(padding, stride)
    if patch_norms is None:
        geometry = stride, padding, dilation, groups
        patch_norms = patch_norm(x, weight.shape[2:], *geometry)
    x, padding = _pad(x, padding, weight.shape[2:], dilation)
    geometry = _pair(stride), padding, _pair(dilation), groups
    operator = Operator(magnitude, angle, alpha, beta)
    function = convolve if is_traced() else LeanConvolution.apply
    y = function(x, weight, patch_norms, rho, k, kernel_norms, geometry, operator)
    return y if bias is None else y + bias.to(y.dtype)[:, None, None]


def patch_norm(
    x: Tensor,
    kernel_size: Tuple[int, int],
    stride: Size = 1,
    padding: Union[Size, str] = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Tensor:
    """Compute the norm of the patch under the kernel, per group and position.

    Code: wy1iu/DCNets: sqrt(sum of squares + 1e-4).
    Ours: squares are summed over the channels first, then over the window.

    Args:
        x: input, (N, C, H, W).
        kernel_size: height and width of the window.
        stride: as in `torch.nn.functional.conv2d`.
        padding: likewise.
        dilation: likewise.
        groups: groups of channels, with a norm each.

    Returns:
        (N, groups, H', W'), in float32 or better.
    """
    # Exporters drop the addition of a number as small as EPS * SQUARE_SCALE**2.
    is_exported = torch.compiler.is_exporting() or torch.jit.is_tracing()
    scale = 1.0 if is_exported else SQUARE_SCALE
    square_sum = channel_square_sum if is_traced() else LeanSquareSum.apply
    squares = square_sum(x, groups, scale)
    squares, padding = _pad(squares, padding, kernel_size, dilation)
    ones = squares.new_ones(groups, 1, *kernel_size)
    with without_autocast(x):
        total = F.conv2d(squares, ones, None, stride, padding, dilation, groups)
    return (total + EPS * scale**2).sqrt() / scale


def is_traced() -> bool:
    """Return whether a compiler, an exporter or `torch.func` records operations.

    These get the plain formula: compilers save memory by themselves.
    """
    return (
        torch.compiler.is_compiling()
        or torch.jit.is_tracing()
        or torch._C._are_functorch_transforms_active()
    )


def _check_shapes(x: Tensor, weight: Tensor) -> None:
    for name, value, shape in [
        ('x', x, '(N, C, H, W)'),
        ('weight', weight, '(K, C / groups, kh, kw)'),
    ]:
        if value.dim() != 4:
            raise ValueError(
                f'decoupled_conv2d: {name} of shape {tuple(value.shape)} must be '
                f'{shape}.'
            )


def _check(
    magnitude: str,
    angle: str,
    rho: Optional[Tensor],
    k: Optional[Tensor],
    num_kernels: int,
) -> None:
    if magnitude not in MAGNITUDES or angle not in ANGLES:
        raise ValueError(
            f'decoupled_conv2d: magnitude={magnitude!r} and angle={angle!r} must be in '
            f'{sorted(MAGNITUDES)} and {sorted(ANGLES)}.'
        )
    needs = dict(rho=MAGNITUDES[magnitude].has_radius, k=bool(ANGLES[angle].k))
    meanings = dict(rho='the radius', k='the curvature')
    for name, value in dict(rho=rho, k=k).items():
        if not needs[name]:
            continue
        shape = tuple(value.shape) if isinstance(value, Tensor) else None
        if shape not in [(num_kernels,), (1,)]:
            got = value if shape is None else f'tensor of shape {shape}'
            raise ValueError(
                f'decoupled_conv2d: {name}={got} ({meanings[name]}) must be a tensor '
                f'of shape (K,) or (1,), here K={num_kernels}, for '
                f'magnitude={magnitude!r} and angle={angle!r}.'
            )


def _check_padding(padding: Union[Size, str], stride: Size) -> None:
    if isinstance(padding, str) and padding not in ('same', 'valid'):
        raise ValueError(
            f"decoupled_conv2d: padding={padding!r} must be 'same', 'valid' or one or "
            'two numbers; other borders are the padding_mode of DecoupledConv2d.'
        )
    if padding == 'same' and _pair(stride) != (1, 1):
        raise ValueError(
            f"decoupled_conv2d: padding='same' requires stride=1, got {stride}; give "
            'the padding as a number.'
        )


def _pad(
    x: Tensor, padding: Union[Size, str], kernel_size: Tuple[int, int], dilation: Size
) -> Tuple[Tensor, Tuple[int, int]]:
    """Return x and the padding as numbers; 'same' may add an uneven border to x."""
    if not isinstance(padding, str):
        return x, _pair(padding)
    if padding == 'valid':
        return x, (0, 0)
    sizes = zip(_pair(dilation), kernel_size, strict=True)
    height, width = (step * (size - 1) for step, size in sizes)
    if height % 2 or width % 2:
        x = F.pad(x, (0, width % 2, 0, height % 2))
    return x, (height // 2, width // 2)
