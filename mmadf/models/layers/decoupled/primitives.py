"""Primitives of decoupled layers that eager PyTorch has only in a dearer form.

Ours, all of them: same values as the plain expressions that the docstrings give,
which are used wherever a graph is recorded (compiling, exporting, `torch.func`).
"""

from typing import Iterator, Tuple

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx

TILE = 2**19  # elements: intermediate maps of this size stay in a processor's cache


def is_traced() -> bool:
    """Whether the operations are being recorded rather than just run."""
    return (
        torch.compiler.is_compiling()
        or torch.jit.is_tracing()
        or torch._C._are_functorch_transforms_active()
    )


def tiles(*maps: Tensor) -> Iterator[Tuple[Tensor, ...]]:
    """Cut maps along the batch so that one piece of the first fits a CPU's cache.

    Fresh memory is what elementwise operations on a CPU spend most time on; pieces of
    this size reuse the same. On other devices there is one piece.

    Args:
        maps: (N, ...) each.

    Returns:
        Iterator over tuples of views, at least one.
    """
    images, size = len(maps[0]), maps[0].numel()
    step = images if maps[0].device.type != 'cpu' else TILE * images // max(size, 1)
    return zip(*(x.split(max(step, 1)) for x in maps), strict=True)


class WriteDetector:
    """Tells whether anybody wrote to a tensor, without keeping its memory.

    Args:
        x: any tensor that does not belong to `torch.inference_mode`.
    """

    def __init__(self, x: Tensor) -> None:
        self.counter = x.detach()  # shares the count of writes ...
        self.counter.data = x.new_empty(0)  # ... and nothing else
        self.version = x._version

    def written(self) -> bool:
        """Return whether the tensor was written to since then."""
        return self.counter._version != self.version


class _PositiveTanh(torch.autograd.Function):
    """See `positive_tanh`."""

    @staticmethod
    def forward(ctx: FunctionCtx, r: Tensor, slope: Tensor) -> Tensor:
        """Return tanh(r * slope)."""
        e = torch.mul(r, -2 * slope).expm1_()
        y = e.div_(-2 - e)
        ctx.save_for_backward(r, slope, y)
        return y

    @staticmethod
    def backward(ctx: FunctionCtx, grad: Tensor) -> Tuple[Tensor, Tensor]:
        """Return the gradients of both."""
        r, slope, y = ctx.saved_tensors
        grad = torch.addcmul(grad, grad * y, y, value=-1)
        return (grad * slope).sum_to_size(r.shape), (grad * r).sum_to_size(slope.shape)


def positive_tanh(r: Tensor, slope: Tensor) -> Tensor:
    """Return tanh(r * slope) where both are >= 0.

    As e / (-2 - e) with e = expm1(-2 * r * slope), which is exact: PyTorch's tanh takes
    2.5 times as long as its expm1 on a CPU.
    """
    if r.device.type != 'cpu' or is_traced():
        return torch.tanh(r * slope)
    return _PositiveTanh.apply(r, slope)


class _Smaller(torch.autograd.Function):
    """See `smaller`."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, bound: Tensor) -> Tensor:
        """Return the smaller of both."""
        ctx.save_for_backward(x, bound)
        return torch.minimum(x, bound)

    @staticmethod
    def backward(ctx: FunctionCtx, grad: Tensor) -> Tuple[Tensor, Tensor]:
        """Return the gradients of both."""
        x, bound = ctx.saved_tensors
        grad_x = grad * (x <= bound)
        grad_bound = grad - grad_x
        return grad_x.sum_to_size(x.shape), grad_bound.sum_to_size(bound.shape)


def smaller(x: Tensor, bound: Tensor) -> Tensor:
    """Return min(x, bound), whose gradient goes to `x` where they are equal."""
    if is_traced():
        return torch.minimum(x, bound)
    return _Smaller.apply(x, bound)


class _SignedSquare(torch.autograd.Function):
    """See `signed_square`."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor) -> Tensor:
        """Return x * |x|."""
        ctx.save_for_backward(x)
        return x.abs().mul_(x)

    @staticmethod
    def backward(ctx: FunctionCtx, grad: Tensor) -> Tensor:
        """Return the gradient of x."""
        (x,) = ctx.saved_tensors
        return x.abs().mul(2).mul(grad)


def signed_square(x: Tensor) -> Tensor:
    """Return x * |x|."""
    return x * x.abs() if is_traced() else _SignedSquare.apply(x)


class _Energy(torch.autograd.Function):
    """See `with_energy`."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, groups: int) -> Tuple[Tensor, Tensor]:
        """Return `x` and its energy."""
        ctx.save_for_backward(x)
        ctx.groups = groups
        return x, torch.cat([plain_energy(part, groups) for (part,) in tiles(x)])

    @staticmethod
    def backward(
        ctx: FunctionCtx, grad: Tensor, grad_energy: Tensor
    ) -> Tuple[Tensor, None]:
        """Return the gradient of x, in the memory of that of its first user."""
        (x,) = ctx.saved_tensors
        maps, slope = by_group(x, ctx.groups), 2 * grad_energy.unsqueeze(2)
        if torch.is_grad_enabled():
            return grad + (maps * slope).to(x.dtype).view_as(x), None
        by_group(grad, ctx.groups).addcmul_(maps, slope)
        return grad, None


def by_group(x: Tensor, groups: int) -> Tensor:
    """Shape (N, C, H, W) to (N, groups, C / groups, H, W)."""
    n, channels, *size = x.shape
    return x.view(n, groups, channels // groups, *size)


def plain_energy(x: Tensor, groups: int) -> Tensor:
    """Return the sum of squares over the channels of each group, see `with_energy`."""
    x = by_group(at_least_float32(x), groups)
    return (x * x).sum(2)


def with_energy(x: Tensor, groups: int) -> Tuple[Tensor, Tensor]:
    """Return `x` for its one other user, and its energy per group and position.

    Nothing but `x` is kept for the backward pass, and the gradient of the energy is
    added to that of the other use in place.

    Args:
        x: (N, C, H, W).
        groups: of channels.

    Returns:
        `x`, which must go to one function that returns a gradient of its own, and
        (N, groups, H, W), in float32 or better.
    """
    return (x, plain_energy(x, groups)) if is_traced() else _Energy.apply(x, groups)


def at_least_float32(x: Tensor) -> Tensor:
    """Return `x` in a precision in which squares do not overflow."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
