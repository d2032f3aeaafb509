"""Decoupled convolution as a function of tensors, plain and lean.

Ours: both forms give the same values and gradients. `convolve` is what the formula
says and is used where a graph is recorded, because compilers find the rest by
themselves. `LeanConvolution` is for eager PyTorch: it works on pieces that fit a
CPU's cache, and keeps for the backward pass what an ordinary convolution keeps.
"""

from typing import Callable, Optional, Tuple

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx

from .decoupled import DecoupledOperator
from .norms import input_scale, norm, normalised
from .primitives import WriteDetector, at_least_float32, tiles


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
    q = norm(weight, (1, 2, 3))
    scale = input_scale(x)
    dot = layer.correlate(_times(x, scale), normalised(weight, q))
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
        q = norm(weight, (1, 2, 3))
        scale = input_scale(x)
        y = layer.correlate(_times(x, scale), normalised(weight, q))
        kernel_norms = layer.per_kernel(q.flatten())
        for part, norms in tiles(layer.by_group(y), layer.by_group(r)):
            cos = part.to(r.dtype).mul_(1 / (norms * scale))
            h = layer.magnitude_of(norms, kernel_norms, rho)
            torch.mul(h, layer.angle(cos, k), out=part)
        if not y.is_inference():
            # Of y itself autograd would refuse the whole node once y is written to.
            output = None if layer.cos_from_angle is None else y.data
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
        q = norm(weight, (1, 2, 3))
        inputs = _times(x, scale).to(grad.dtype), normalised(weight, q).to(grad.dtype)
        if y is None or ctx.output.written():
            y, cos_of = layer.correlate(*inputs), _cos_of_product
        else:
            cos_of = _cos_of_output
        grad_dot = torch.empty_like(y)
        grads_r, sums = [], []
        small = layer.per_kernel(q.flatten()), rho, k
        for part, grad_part, norms, out in tiles(
            *(layer.by_group(maps) for maps in (y, grad, r, grad_dot))
        ):
            of_cos, of_r, *rest = _pull_back(
                cos_of, part.to(r.dtype), grad_part, (norms, *small), layer, scale
            )
            torch.mul(of_cos, 1 / (norms * scale), out=out)
            grads_r.append(of_r)
            sums.append(rest)
        grad_q, grad_rho, grad_k = (_total(parts) for parts in zip(*sums, strict=True))
        grad_x, grad_w = layer.correlate_backward(
            grad_dot, *inputs, ctx.needs_input_grad[:2]
        )
        if grad_x is not None:
            grad_x = _times(grad_x, scale).to(x.dtype)
        if grad_w is not None:
            grad_w = _grad_of_kernels(grad_w, grad_q.view_as(q), weight, q)
        return grad_x, grad_w, torch.cat(grads_r).view_as(r), grad_rho, grad_k, None


def _grad_of_kernels(grad: Tensor, grad_q: Tensor, weight: Tensor, q: Tensor) -> Tensor:
    """Return the gradient of w from those of w / |w| and |w|."""
    parts = []
    for g, g_q, w, length in tiles(grad, grad_q, weight, q):
        g, w = at_least_float32(g), at_least_float32(w)
        along = (g * w).sum((1, 2, 3), keepdim=True) / length**2 - g_q
        parts.append(((g - w * along) / length).to(weight.dtype))
    return torch.cat(parts)


def _pull_back(
    cos_of: Callable[..., Tensor],
    known: Tensor,
    grad: Tensor,
    small: Tuple[Optional[Tensor], ...],
    layer: DecoupledOperator,
    scale: float,
) -> Tuple[Optional[Tensor], ...]:
    """Return the gradients of cos(theta), r, q, rho and k for a few images."""
    r, q, rho, k = (None if x is None else x.detach().requires_grad_() for x in small)
    with torch.enable_grad():
        h = layer.magnitude_of(r, q, rho)
        cos = cos_of(known, h.detach(), r.detach(), layer, scale).requires_grad_()
        g = layer.angle(cos, k)
    grad = grad.to(g.dtype)
    outputs = {g: grad * h.detach()}
    if h.requires_grad:
        outputs[h] = (grad * g.detach()).sum_to_size(h.shape)
    inputs = [x for x in (cos, r, q, rho, k) if x is not None]
    grads = iter(
        torch.autograd.grad(
            list(outputs), inputs, list(outputs.values()), materialize_grads=True
        )
    )
    of_cos, of_r, *rest = [None if x is None else next(grads) for x in (cos, *small)]
    along = (of_cos * cos.detach()).sum(-3, keepdim=True)
    return of_cos, of_r - along / r.detach(), *rest


def _cos_of_product(
    dot: Tensor, h: Tensor, r: Tensor, layer: DecoupledOperator, scale: float
) -> Tensor:
    return dot * (1 / (r * scale))


def _cos_of_output(
    y: Tensor, h: Tensor, r: Tensor, layer: DecoupledOperator, scale: float
) -> Tensor:
    return layer.cos_from_angle(y / h)


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
