"""Decoupled convolution that saves no more for the backward pass than `nn.Conv2d`.

Ours. Values and gradients equal those of `functional`. The backward pass computes h and
g again instead of saving them: the angle follows from the output, which the next layer
(a norm) usually saves anyway. If that layer overwrites the output, as
`nn.ReLU(inplace=True)` does, the inner products are computed again as well.
"""

from typing import Any, Dict, List, Optional, Tuple, Union

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import FunctionCtx
from torch.nn.modules.utils import _pair

from . import functional
from .functional import Size, by_group, per_kernel, times, ungroup, unit_kernels
from .operators import ANGLES, MAGNITUDES

Tensors = Tuple[Optional[Tensor], ...]


def is_traced() -> bool:
    """Return whether a compiler, an exporter or `torch.func` records operations.

    These get the plain functions: compilers save memory by themselves.
    """
    return (
        torch.compiler.is_compiling()
        or torch.jit.is_tracing()
        or torch._C._are_functorch_transforms_active()
    )


def channel_square_sum(x: Tensor, groups: int) -> Tensor:
    """Compute `functional.channel_square_sum`, saving `x` in its own precision."""
    if is_traced():
        return functional.channel_square_sum(x, groups)
    return _ChannelSquareSum.apply(x, groups)


def decoupled_conv2d(
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
    """Compute `functional.decoupled_conv2d`, whose arguments these are."""
    tensors = x, weight, patch_norms, rho, k, kernel_norms
    if is_traced():
        y = _plain(*tensors, (stride, padding, dilation, groups), operator)
    else:
        if isinstance(padding, str):
            x, padding = _pad(x, padding, weight.shape[2:], _pair(dilation))
        geometry = _pair(stride), _pair(padding), _pair(dilation), groups
        y = _DecoupledConv2d.apply(x, *tensors[1:], geometry, operator)
    return y if bias is None else y + bias.to(y.dtype)[:, None, None]


class _ChannelSquareSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, groups: int) -> Tensor:
        ctx.save_for_backward(x)
        ctx.groups = groups
        return functional.channel_square_sum(x, groups)

    @staticmethod
    def backward(ctx: FunctionCtx, grad: Tensor) -> Tensors:
        (x,) = ctx.saved_tensors
        grad_x = by_group(x, ctx.groups) * (2 * grad.unsqueeze(2))
        return grad_x.flatten(1, 2).to(x.dtype), None


class _DecoupledConv2d(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, *arguments: Any) -> Tensor:
        *tensors, ctx.geometry, ctx.operator = arguments
        # `data` is no view of an intermediate result: the next layer may overwrite it.
        y = _plain(*arguments).data
        if not y.is_inference():
            # Autograd would refuse to unpack y itself once it is overwritten.
            output = y.data if _is_invertible(y.dtype, **ctx.operator) else None
            ctx.save_for_backward(*tensors, output)
            ctx.counter, ctx.version = y.detach(), y._version  # shares the version ...
            ctx.counter.data = y.new_empty(0)  # ... but not the memory
            ctx.scale = functional.product_scale(tensors[0])
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
        last = functional.is_channels_last(y)
        leaves = [_leaf(per_kernel(v, groups, last)) for v in (q, rho, k)]
        maps = [by_group(z, groups, last) for z in (y, grad, r)]
        of_dot, of_r = _response_backward(ctx, *maps, leaves, is_output)
        grad_x, grad_kernels, _ = torch.ops.aten.convolution_backward(
            *(ungroup(of_dot, last).to(grad.dtype), *operands, None, *geometry),
            *(False, (0, 0), groups, (*ctx.needs_input_grad[:2], False)),
        )
        grads = [None if v is None else v.grad for v in leaves]
        grads = [None if grad is None else grad.flatten() for grad in grads]
        if grad_kernels is not None:
            _backward((kernels, grad_kernels.to(kernels.dtype)), (q, grads[0]))
        grad_x = None if grad_x is None else times(grad_x, ctx.scale).to(x.dtype)
        return grad_x, weight.grad, ungroup(of_r, last), *grads[1:], None, None, None


def _response_backward(
    ctx: FunctionCtx,
    y: Tensor,
    grad: Tensor,
    r: Tensor,
    leaves: List[Optional[Tensor]],
    is_output: bool,
) -> Tuple[Tensor, Tensor]:
    """Return the gradients of inner products and patch norms, from that of the output.

    `y` holds the output or the inner products; the gradients of the leaves q, rho and k
    are accumulated in them.
    """
    q, rho, k = leaves
    g, _, inverse = ANGLES[ctx.operator['angle']]
    h = MAGNITUDES[ctx.operator['magnitude']].function
    r, per_r = _leaf(r), 1 / (r * ctx.scale)
    with torch.enable_grad():
        h = h(r, q, rho, ctx.operator['alpha'], ctx.operator['beta'])
    if is_output:
        cos = _leaf(inverse(y / h.clamp(min=torch.finfo(h.dtype).tiny)))
    else:
        cos = _leaf(y * per_r)
    with torch.enable_grad():
        g = g(cos, k)
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
    is_precise = angle == 'cosine' or dtype != torch.float16
    return is_precise and ANGLES[angle].inverse is not None and alpha > 0 and beta >= 0


def _differentiable_gradients(
    ctx: FunctionCtx, inputs: List[Optional[Tensor]], grad: Tensor
) -> Tensors:
    """Return gradients that have gradients themselves, through the plain formula."""
    inputs = [None if x is None else x.view_as(x) for x in inputs]
    y = _plain(*inputs, ctx.geometry, ctx.operator).to(grad.dtype)
    wanted = [x for x in inputs if x is not None and x.requires_grad]
    options = dict(create_graph=True, allow_unused=True)
    grads = iter(torch.autograd.grad(y, wanted, grad, **options))
    return tuple(next(grads) if any(x is w for w in wanted) else None for x in inputs)


def _plain(
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
    options = {**tensors, **operator}
    return functional.decoupled_conv2d(x, weight, None, *geometry, **options)


def _pad(
    x: Tensor, padding: str, kernel_size: Tuple[int, int], dilation: Tuple[int, int]
) -> Tuple[Tensor, Tuple[int, int]]:
    """Return input and padding for 'same' or 'valid', as numbers.

    'same' may need one more row or column at the end, which is added to the input.
    """
    if padding == 'valid':
        return x, (0, 0)
    height, width = (d * (k - 1) for d, k in zip(dilation, kernel_size, strict=True))
    return F.pad(x, (0, width % 2, 0, height % 2)), (height // 2, width // 2)
