"""The formula with the memory of an ordinary convolution, for training in eager mode.

Ours. Values and gradients equal those of `formula`. The backward pass computes h and g
again instead of saving them: the angle follows from the output, which the next layer (a
norm) usually saves anyway. If that layer overwrites the output, as
`nn.ReLU(inplace=True)` does, the inner products are computed again as well. On a CPU,
h and g are computed tile by tile, because fresh memory for temporaries of a whole batch
takes more time than the arithmetic.
"""

from typing import Any, Iterator, Optional, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import FunctionCtx

from .formula import (
    Operator,
    at_least_float32,
    channel_square_sum,
    convolve,
    inner_products,
    per_kernel,
    respond,
    split,
    times,
    unit_kernels,
)
from .operators import ANGLES

Tensors = Tuple[Optional[Tensor], ...]
TILE = 2**19  # elements: temporaries of this size stay in the cache of a processor


class LeanSquareSum(torch.autograd.Function):
    """`channel_square_sum` that saves x, unscaled and in its own precision."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, groups: int, scale: float) -> Tensor:
        """Return `channel_square_sum(x, groups, scale)`."""
        ctx.save_for_backward(x)
        ctx.scale = scale
        sums = [channel_square_sum(part, groups, scale) for (part,) in _tiles(x)]
        return torch.cat(sums)

    @staticmethod
    def backward(ctx: FunctionCtx, grad: Tensor) -> Tensors:
        """Return the gradient of the sum of squares."""
        (x,) = ctx.saved_tensors
        x_float = at_least_float32(split(x, grad.shape[1]))
        grad_x = (x_float * (2 * grad.unsqueeze(2))).mul_(ctx.scale**2)
        return grad_x.flatten(1, 2).to(x.dtype), None, None


class LeanConvolution(torch.autograd.Function):
    """`convolve` that saves its input, its output and small tensors."""

    @staticmethod
    def forward(ctx: FunctionCtx, *arguments: Any) -> Tensor:
        """Return `convolve(*arguments)`."""
        *tensors, geometry, operator = arguments
        groups = geometry[-1]
        x, weight, r, rho, k, kernel_norms = tensors
        y, q, scale = inner_products(x, weight, kernel_norms, geometry)
        for part, norms in _tiles(y, r):
            values = at_least_float32(part)  # operations on mixed types are slow
            respond(values, norms, q, rho, k, scale, groups, operator, in_place=True)
            if values is not part:
                part.copy_(values)
        if not y.is_inference():
            ctx.geometry, ctx.operator, ctx.scale = geometry, operator, scale
            # Autograd refuses to unpack y itself once it is overwritten.
            ctx.save_for_backward(*tensors, y.data)
            ctx.counter, ctx.version = y.detach(), y._version  # shares the version ...
            ctx.counter.data = y.new_empty(0)  # ... but not the memory
        return y

    @staticmethod
    def backward(ctx: FunctionCtx, grad: Tensor) -> Tensors:
        """Return the gradients of all tensors."""
        *inputs, y = ctx.saved_tensors
        if torch.is_grad_enabled():
            return *_differentiable_gradients(ctx, inputs, grad), None, None
        x, weight, r, rho, k, kernel_norms = inputs
        *geometry, groups = ctx.geometry
        with torch.enable_grad():
            weight = _leaf(weight)
            kernels, q = unit_kernels(weight, kernel_norms)
        operands = times(x, ctx.scale).to(grad.dtype), kernels.detach().to(grad.dtype)
        is_intact = ctx.counter._version == ctx.version
        is_output = is_intact and _is_invertible(y.dtype, ctx.operator)
        if not is_output:
            y = F.conv2d(*operands, None, *geometry, groups)
        small = [_leaf(per_kernel(values, groups)) for values in (q, rho, k)]
        of_dot, of_r, of_small = torch.empty_like(grad), torch.empty_like(r), []
        maps = (split(v, groups) for v in (y, grad, r, of_dot, of_r))
        for tile in _tiles(*maps):
            of_small.append(_response_backward(ctx, *tile, *small, is_output))
        grad_x, grad_kernels, _ = torch.ops.aten.convolution_backward(
            *(of_dot, *operands, None, *geometry),
            *(False, (0, 0), groups, (*ctx.needs_input_grad[:2], False)),
        )
        totals = map(sum, zip(*of_small, strict=True))
        of_q, *of_rest = [v if v is None else next(totals).flatten() for v in small]
        grad_weight = None
        if grad_kernels is not None:
            with torch.enable_grad():
                product = (kernels * grad_kernels).sum() + (q * of_q).sum()
            (grad_weight,) = torch.autograd.grad(product, weight)
        grad_x = None if grad_x is None else times(grad_x, ctx.scale).to(x.dtype)
        return grad_x, grad_weight, of_r, *of_rest, None, None, None


def _tiles(*maps: Tensor) -> Iterator[Tuple[Tensor, ...]]:
    """Cut feature maps along the batch; on a CPU, into tiles of about `TILE`."""
    images, size = len(maps[0]), maps[0].numel()
    step = images if maps[0].device.type != 'cpu' else TILE * images // max(size, 1)
    return zip(*(x.split(max(step, 1)) for x in maps), strict=True)


def _response_backward(
    ctx: FunctionCtx,
    y: Tensor,
    grad: Tensor,
    r: Tensor,
    of_dot: Tensor,
    of_r: Tensor,
    q: Tensor,
    rho: Optional[Tensor],
    k: Optional[Tensor],
    is_output: bool,
) -> Tuple[Tensor, ...]:
    """Compute the gradients of the arguments of `respond` from that of its output.

    `y` holds the output or the inner products. The gradients of inner products and
    patch norms are written to `of_dot` and `of_r`; those of q and, where they exist,
    rho and k are returned.
    """
    operator, y, r = ctx.operator, at_least_float32(y), _leaf(r)
    per_r = 1 / (r * ctx.scale)
    with torch.enable_grad():
        h = operator.h(r, q, rho)
    if is_output:
        inverse = ANGLES[operator.angle].inverse
        cos = _leaf(inverse(y / h.clamp(min=torch.finfo(h.dtype).tiny)))
    else:
        cos = _leaf(y * per_r)
    with torch.enable_grad():
        y = h * operator.g(cos, k)
    inputs = [x for x in (cos, r, q, rho, k) if x is not None]
    of_cos, of_h, *of_small = torch.autograd.grad(
        y, inputs, grad.to(y.dtype), materialize_grads=True
    )
    torch.sub(of_h, (of_cos * cos).sum_to_size(r.shape) / r, out=of_r)
    of_dot.copy_(of_cos.mul_(per_r))
    return tuple(of_small)


def _leaf(x: Optional[Tensor]) -> Optional[Tensor]:
    return None if x is None else x.detach().requires_grad_()


def _is_invertible(dtype: torch.dtype, operator: Operator) -> bool:
    """Return whether the angle follows from the output with enough precision."""
    _, angle, alpha, beta = operator
    is_precise = angle == 'cosine' or dtype != torch.float16
    return is_precise and ANGLES[angle].inverse is not None and alpha > 0 and beta >= 0


def _differentiable_gradients(ctx: FunctionCtx, inputs: list, grad: Tensor) -> Tensors:
    """Return gradients that have gradients themselves, through the plain formula."""
    inputs = [None if x is None else x.view_as(x) for x in inputs]
    y = convolve(*inputs, ctx.geometry, ctx.operator).to(grad.dtype)
    wanted = [x for x in inputs if x is not None and x.requires_grad]
    options = dict(create_graph=True, allow_unused=True)
    grads = iter(torch.autograd.grad(y, wanted, grad, **options))
    return tuple(next(grads) if any(x is w for w in wanted) else None for x in inputs)
