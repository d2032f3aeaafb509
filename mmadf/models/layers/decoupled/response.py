"""The response h(|w|, |x|) * g(theta) to inner products, in place, and its gradient.

Ours: for a few images at a time, so that what lies between stays in a processor's
cache. By closed forms where the functions have them, and by `operators` and automatic
differentiation where not, with the same results.
"""

from typing import NamedTuple, Optional, Tuple

import torch
from torch import Tensor

from .base import DecoupledOperator

Gradients = Tuple[Tensor, Optional[Tensor], Optional[Tensor], Optional[Tensor]]


class Response(NamedTuple):
    """What is known of a response.

    Args:
        maps: inner products times `scale`, or the output y.
        is_product: which of them.
        r: patch norms; all below broadcast against `maps`.
        q: kernel norms.
        rho: operator radii or None.
        k: curvature of the angle or None.
        scale: see `input_scale`.
    """

    maps: Tensor
    is_product: bool
    r: Tensor
    q: Tensor
    rho: Optional[Tensor]
    k: Optional[Tensor]
    scale: float

    def cos(self, h: Optional[Tensor], layer: DecoupledOperator) -> Tensor:
        """Return cos(theta) in the precision of `r`; h is needed for outputs only."""
        if self.is_product:
            return self.maps * (1 / (self.r * self.scale))
        return layer.angle.inverse(self.maps / h)


def respond(known: Response, layer: DecoupledOperator) -> None:
    """Turn inner products into the output, in place."""
    maps, _, r, q, rho, k, scale = known
    if layer.has_closed_form and layer.angle.power == 1:
        gain = layer.gain_of(r, rho)
        maps.mul_(gain if scale == 1 else gain * (1 / scale))
        return
    h = layer.magnitude_of(r, q, rho)
    torch.mul(h, layer.angle.function(known.cos(None, layer), k), out=maps)


def pull_back(
    known: Response, grad: Tensor, layer: DecoupledOperator, out: Tensor
) -> Gradients:
    """Return the gradients of r, q, rho and k, that of the output being `grad`.

    Args:
        known: the response, its maps in the precision of the patch norms.
        grad: as `known.maps`.
        layer: which h and g.
        out: becomes the gradient of the inner products times scale, which is taken
            for constant in that of r.
    """
    way = _by_closed_form if layer.has_closed_form else _by_autograd
    return way(known, grad, layer, out)


def _by_closed_form(
    known: Response, grad: Tensor, layer: DecoupledOperator, out: Tensor
) -> Gradients:
    """Differentiate y = +-h * |product / r|^p, whose relative changes add up."""
    y, is_product, r, q, rho, k, scale = known
    p, degree = layer.angle.power, layer.magnitude.closed_form.degree
    gain = layer.gain_of(r, rho)
    if is_product:
        y = layer.angle.function(known.cos(None, layer), k) * (gain * r)
    slope = gain if p == 1 else (y.abs() * gain).mul_(4 / r).sqrt_()
    torch.mul(grad, slope, out=out)
    if scale != 1:
        out.mul_(1 / scale)
    share = grad * y
    of_h = share * layer.elasticity_of(r, rho, gain)
    of_r = (of_h.sum(-3, keepdim=True) - p * share.sum(-3, keepdim=True)) / r
    of_rho = None
    if rho is not None:
        of_rho = -of_h.sum_to_size(rho.shape) / rho
        if degree:
            of_rho += degree * share.sum_to_size(rho.shape) / rho
    return of_r, torch.zeros_like(q), of_rho, None


def _by_autograd(
    known: Response, grad: Tensor, layer: DecoupledOperator, out: Tensor
) -> Gradients:
    small = known.r, known.q, known.rho, known.k
    r, q, rho, k = (None if x is None else x.detach().requires_grad_() for x in small)
    with torch.enable_grad():
        h = layer.magnitude_of(r, q, rho)
        cos = known.cos(h.detach(), layer).requires_grad_()
        g = layer.angle.function(cos, k)
    outputs = {g: grad.to(g.dtype) * h.detach()}
    if h.requires_grad:
        outputs[h] = (grad * g.detach()).sum_to_size(h.shape)
    inputs = [x for x in (cos, r, q, rho, k) if x is not None]
    grads = iter(
        torch.autograd.grad(
            list(outputs), inputs, list(outputs.values()), materialize_grads=True
        )
    )
    of_cos, of_r, *rest = [None if x is None else next(grads) for x in (cos, *small)]
    torch.mul(of_cos, 1 / (known.r * known.scale), out=out)
    along = (of_cos * cos.detach()).sum(-3, keepdim=True)
    return of_r - along / known.r, *rest
