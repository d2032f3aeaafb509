"""Decoupled convolution that saves no more for the backward pass than `nn.Conv2d`.

Ours. Values and gradients equal those of `decoupled_conv2d`. The backward pass computes
h and g again instead of saving them: the angle follows from the output, which the next
layer (a norm) usually saves anyway. If that layer overwrites the output, as
`nn.ReLU(inplace=True)` does, the inner products are computed again as well.
"""

from typing import Any, Dict, List, Optional, Tuple, Union

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import FunctionCtx
from torch.nn.modules.utils import _pair

from .functional import (
    Size,
    by_group,
    channel_square_sum,
    decoupled_conv2d,
    is_channels_last,
    per_kernel,
    product_scale,
    times,
    ungroup,
    unit_kernels,
)
from .operators import ANGLES, MAGNITUDES

Tensors = Tuple[Optional[Tensor], ...]


def is_traced() -> bool:
    """Return whether a compiler, an exporter or `torch.func` records operations."""
    return (
        torch.compiler.is_compiling()
        or torch.jit.is_tracing()
        or torch._C._are_functorch_transforms_active()
    )


def lean_conv2d(
    x: Tensor,
    weight: Tensor,
    bias: Optional[Tensor] = None,
    stride: Size = 1,
    padding: Union[Size, str] = 0,
    dilation: Size = 1,
    groups: int = 1,
    *,
    patch_norms: Tensor,
    rho: Optional[Tensor] = None,
    k: Optional[Tensor] = None,
    kernel_norms: Optional[Tensor] = None,
    **operator: Any,
) -> Tensor:
    """Compute `decoupled_conv2d`, whose arguments these are.

    Where operations are traced, it is that function: compilers and exporters save
    memory by themselves, and `torch.func` needs plain operations.
    """
    tensors = dict(patch_norms=patch_norms, rho=rho, k=k, kernel_norms=kernel_norms)
    if is_traced():
        geometry = stride, padding, dilation, groups
        return decoupled_conv2d(x, weight, bias, *geometry, **tensors, **operator)
    if isinstance(padding, str):
        x, padding = _pad(x, padding, weight.shape[2:], _pair(dilation))
    geometry = _pair(stride), _pair(padding), _pair(dilation), groups
    y = _LeanConv2d.apply(x, weight, *tensors.values(), geometry, operator)
    return y if bias is None else y + bias.to(y.dtype)[:, None, None]


def lean_square_sum(x: Tensor, groups: int) -> Tensor:
    """Compute `channel_square_sum`, saving `x` in its own precision if not traced."""
    if is_traced():
        return channel_square_sum(x, groups)
    return _LeanSquareSum.apply(x, groups)


class _LeanConv2d(torch.autograd.Function):
    """See `lean_conv2d`."""

    @staticmethod
    def forward(
        ctx: FunctionCtx,
        x: Tensor,
        weight: Tensor,
        r: Tensor,
        rho: Optional[Tensor],
        k: Optional[Tensor],
        kernel_norms: Optional[Tensor],
        geometry: Tuple[Any, ...],
        operator: Dict[str, Any],
    ) -> Tensor:
        tensors = dict(patch_norms=r, rho=rho, k=k, kernel_norms=kernel_norms)
        y = decoupled_conv2d(x, weight, None, *geometry, **tensors, **operator)
        y = y.data  # no view of an intermediate result, so that it can be overwritten
        if not y.is_inference():
            # Autograd would refuse to unpack y itself once it is overwritten.
            output = y.data if _is_invertible(y.dtype, **operator) else None
            ctx.save_for_backward(x, weight, r, rho, k, kernel_norms, output)
            ctx.counter, ctx.version = y.detach(), y._version  # shares the version ...
            ctx.counter.data = y.new_empty(0)  # ... but not the memory
            ctx.geometry, ctx.operator, ctx.scale = geometry, operator, product_scale(x)
        return y

    @staticmethod
    def backward(ctx: FunctionCtx, grad: Tensor) -> Tensors:
        *inputs, y = ctx.saved_tensors
        if torch.is_grad_enabled():
            return *_differentiable_gradients(ctx, inputs, grad), None, None
        x, weight, r, rho, k, kernel_norms = inputs
        *geometry, groups = ctx.geometry
        with torch.enable_grad():
            weight = _leaf(weight)
            kernels, q = unit_kernels(weight, kernel_norms)
        operands = times(x, ctx.scale).to(grad.dtype), kernels.detach().to(grad.dtype)
        is_output = y is not None and ctx.counter._version == ctx.version
        if not is_output:
            y = F.conv2d(*operands, None, *geometry, groups)
        last = is_channels_last(y)
        leaves = [_leaf(per_kernel(v, groups, last)) for v in (q, rho, k)]
        maps = [by_group(z, groups, last) for z in (y, grad, r)]
        of_dot, of_r = _response_backward(ctx, *maps, *leaves, is_output=is_output)
        grad_x, grad_kernels, _ = torch.ops.aten.convolution_backward(
            *(ungroup(of_dot, last).to(grad.dtype), *operands, None, *geometry),
            *(False, (0, 0), groups, (*ctx.needs_input_grad[:2], False)),
        )
        grad_q, grad_rho, grad_k = (
            None if leaf is None or leaf.grad is None else leaf.grad.flatten()
            for leaf in leaves
        )
        if grad_kernels is not None:
            _backward((kernels, grad_kernels.to(kernels.dtype)), (q, grad_q))
        grad_x = None if grad_x is None else times(grad_x, ctx.scale).to(x.dtype)
        grad_r = ungroup(of_r, last)
        return grad_x, weight.grad, grad_r, grad_rho, grad_k, None, None, None


class _LeanSquareSum(torch.autograd.Function):
    """See `lean_square_sum`."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, groups: int) -> Tensor:
        ctx.save_for_backward(x)
        ctx.groups = groups
        return channel_square_sum(x, groups)

    @staticmethod
    def backward(ctx: FunctionCtx, grad: Tensor) -> Tensors:
        (x,) = ctx.saved_tensors
        grad_x = by_group(x, ctx.groups) * (2 * grad.unsqueeze(2))
        return grad_x.flatten(1, 2).to(x.dtype), None


def _response_backward(
    ctx: FunctionCtx,
    y: Tensor,
    grad: Tensor,
    r: Tensor,
    q: Tensor,
    rho: Optional[Tensor],
    k: Optional[Tensor],
    is_output: bool,
) -> Tuple[Tensor, Tensor]:
    """Return the gradients of inner products and patch norms, from that of the output.

    `y` holds the output or the inner products, and the gradients of q, rho and k are
    accumulated in these leaves.
    """
    magnitude, (g_function, _, inverse) = (
        MAGNITUDES[ctx.operator['magnitude']],
        ANGLES[ctx.operator['angle']],
    )
    r, per_r = _leaf(r), 1 / (r * ctx.scale)
    scales = ctx.operator['alpha'], ctx.operator['beta']
    with torch.enable_grad():
        h = magnitude.function(r, q, rho, *scales)
    if is_output:
        cos = inverse(y / h.clamp(min=torch.finfo(h.dtype).tiny)).requires_grad_()
    else:
        cos = (y * per_r).requires_grad_()
    with torch.enable_grad():
        g = g_function(cos, k)
    _backward((g, grad * h), (h, (grad * g).sum_to_size(h.shape)))
    of_r = (cos.grad * cos).sum_to_size(r.shape) / -r
    return cos.grad * per_r, of_r if r.grad is None else of_r + r.grad


def _backward(*pairs: Tuple[Tensor, Optional[Tensor]]) -> None:
    """Accumulate gradients in the leaves of tensors whose own gradients are given."""
    known = [(x, grad) for x, grad in pairs if x.requires_grad and grad is not None]
    torch.autograd.backward(*zip(*known, strict=True))


def _leaf(x: Optional[Tensor]) -> Optional[Tensor]:
    return None if x is None else x.detach().requires_grad_()


def _is_invertible(
    dtype: torch.dtype, magnitude: str, angle: str, alpha: float, beta: float
) -> bool:
    """Return whether the angle follows from the output with enough precision."""
    if not (alpha > 0 and beta >= 0) or ANGLES[angle].inverse is None:
        return False
    return angle == 'cosine' or dtype != torch.float16


def _differentiable_gradients(
    ctx: FunctionCtx, inputs: List[Optional[Tensor]], grad: Tensor
) -> Tensors:
    """Return gradients that have gradients themselves, through the plain formula."""
    inputs = [None if x is None else x.view_as(x) for x in inputs]
    x, weight, r, rho, k, kernel_norms = inputs
    tensors = dict(patch_norms=r, rho=rho, k=k, kernel_norms=kernel_norms)
    y = decoupled_conv2d(x, weight, None, *ctx.geometry, **tensors, **ctx.operator)
    wanted = [x for x in inputs if x is not None and x.requires_grad]
    grads = iter(
        torch.autograd.grad(
            y.to(grad.dtype), wanted, grad, create_graph=True, allow_unused=True
        )
    )
    return tuple(
        next(grads) if x is not None and x.requires_grad else None for x in inputs
    )


def _pad(
    x: Tensor, padding: str, kernel_size: Tuple[int, int], dilation: Tuple[int, int]
) -> Tuple[Tensor, Tuple[int, int]]:
    """Return input and padding for 'same' or 'valid', as numbers.

    'same' may need one more row or column at the end, which is added to the input.
    """
    if padding == 'valid':
        return x, (0, 0)
    height, width = (
        step * (size - 1) for step, size in zip(dilation, kernel_size, strict=True)
    )
    x = F.pad(x, (0, width % 2, 0, height % 2))
    return x, (height // 2, width // 2)
