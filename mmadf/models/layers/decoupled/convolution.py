"""Decoupled convolution as a function of tensors, plain and lean.

Ours: both forms give the same values and gradients. `convolve` is what the formula
says and is used where a graph is recorded, because compilers find the rest by
themselves. `LeanConvolution` is for eager PyTorch: it works on pieces that fit a
CPU's cache, and keeps for the backward pass what an ordinary convolution keeps.
"""

from typing import Optional, Tuple

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx

from .base import DecoupledOperator
from .norms import input_scale
from .primitives import WriteDetector, at_least_float32, tiles
from .response import Response, pull_back, respond


def convolve(
    x: Tensor,
    weight: Tensor,
    r: Tensor,
    rho: Optional[Tensor],
    k: Optional[Tensor],
    layer: DecoupledOperator,
) -> Tensor:
    """Return h(|w|, |x|) * g(theta) for each patch and kernel.

    Paper: Decoupled Networks, arXiv 1804.08071, f(w, x) = h(|w|, |x|) * g(theta).

    Args:
        x: (N, C, H, W).
        weight: kernels, (K, C / groups, kh, kw).
        r: norms of the patches, (N, groups, H', W').
        rho: operator radii, shaped by `layer.per_kernel`, or None.
        k: curvature of the angle, as `rho`.
        layer: a `DecoupledConv2d`, which has the geometry and the functions h and g.

    Returns:
        (N, K, H', W'), in the precision of the inner products.
    """
    kernels, q = layer.unit_kernels(weight)
    scale = input_scale(x)
    dot = layer.correlate(_times(x, scale), kernels)
    r = layer.by_group(r)
    cos = layer.by_group(dot).to(r.dtype) / (r * scale)
    y = layer.respond(cos, r, layer.per_kernel(q.flatten()), rho, k)
    return y.reshape(dot.shape).to(dot.dtype)


class LeanConvolution(torch.autograd.Function):
    """`convolve` with a backward pass that recomputes instead of keeping.

    The angle comes back from the output, which the next layer (a norm) usually keeps
    anyway; where that layer writes over it, the inner products are computed anew.
    """

    @staticmethod
    def forward(
        ctx: FunctionCtx,
        x: Tensor,
        weight: Tensor,
        r: Tensor,
        rho: Optional[Tensor],
        k: Optional[Tensor],
        layer: DecoupledOperator,
    ) -> Tensor:
        """See `convolve`."""
        kernels, q = layer.unit_kernels(weight)
        scale = input_scale(x)
        y = layer.correlate(_times(x, scale), kernels)
        kernel_norms = layer.per_kernel(q.flatten())
        for part, norms in tiles(layer.by_group(y), layer.by_group(r)):
            respond(Response(part, True, norms, kernel_norms, rho, k, scale), layer)
        if not y.is_inference():
            # Of y itself autograd would refuse the whole node once y is written to.
            output = y.data if _is_invertible(layer, y.dtype) else None
            ctx.save_for_backward(x, weight, r, rho, k, output)
            ctx.layer, ctx.scale, ctx.output = layer, scale, WriteDetector(y)
        return y

    @staticmethod
    def backward(ctx: FunctionCtx, grad: Tensor) -> Tuple[Optional[Tensor], ...]:
        """Return the gradients of the tensors that `forward` got."""
        if torch.is_grad_enabled():
            return *_differentiable_backward(ctx, grad), None
        x, weight, r, rho, k, y = ctx.saved_tensors
        layer, scale = ctx.layer, ctx.scale
        kernels, q = layer.unit_kernels(weight)
        inputs = _times(x, scale).to(grad.dtype), kernels.to(grad.dtype)
        if is_product := y is None or ctx.output.written():
            y = layer.correlate(*inputs)
        grad_dot = torch.empty_like(y)
        grads_r, sums = [], []
        small = layer.per_kernel(q.flatten()), rho, k
        for part, grad_part, norms, out in tiles(
            *(layer.by_group(maps) for maps in (y, grad, r, grad_dot))
        ):
            known = Response(part.to(r.dtype), is_product, norms, *small, scale)
            of_r, *rest = pull_back(known, grad_part.to(r.dtype), layer, out)
            grads_r.append(of_r)
            sums.append(rest)
        grad_q, grad_rho, grad_k = (_total(parts) for parts in zip(*sums, strict=True))
        grad_x, grad_w = layer.correlate_backward(
            grad_dot, *inputs, ctx.needs_input_grad[:2]
        )
        if grad_x is not None:
            grad_x = _times(grad_x, scale).to(x.dtype)
        if grad_w is not None:
            if layer.fixed_norms is None:
                grad_w = _grad_of_kernels(grad_w, grad_q.view_as(q), weight, q)
            grad_w = grad_w.to(weight.dtype)
        return grad_x, grad_w, torch.cat(grads_r).view_as(r), grad_rho, grad_k, None


def _is_invertible(layer: DecoupledOperator, dtype: torch.dtype) -> bool:
    """Whether the angle comes back from the output; roots of tiny halves do not."""
    if not layer.is_positive or layer.angle.inverse is None:
        return False
    return layer.angle.power == 1 or dtype != torch.float16


def _grad_of_kernels(grad: Tensor, grad_q: Tensor, weight: Tensor, q: Tensor) -> Tensor:
    """Return the gradient of w from those of w / |w| and |w|."""
    parts = []
    for g, g_q, w, length in tiles(grad, grad_q, weight, q):
        g, w = at_least_float32(g), at_least_float32(w)
        along = (g * w).sum((1, 2, 3), keepdim=True) / length**2 - g_q
        parts.append(((g - w * along) / length).to(weight.dtype))
    return torch.cat(parts)


def _differentiable_backward(
    ctx: FunctionCtx, grad: Tensor
) -> Tuple[Optional[Tensor], ...]:
    """Return gradients that have gradients themselves, through `convolve`."""
    inputs = [None if x is None else x.view_as(x) for x in ctx.saved_tensors[:-1]]
    y = convolve(*inputs, ctx.layer).to(grad.dtype)
    wanted = [x for x in inputs if x is not None and x.requires_grad]
    grads = iter(
        torch.autograd.grad(y, wanted, grad, create_graph=True, allow_unused=True)
    )
    return tuple(
        None if x is None or not x.requires_grad else next(grads) for x in inputs
    )


def _times(x: Tensor, factor: float) -> Tensor:
    return x if factor == 1 else x * factor


def _total(parts: Tuple[Optional[Tensor], ...]) -> Optional[Tensor]:
    return None if parts[0] is None else torch.stack(parts).sum(0)
