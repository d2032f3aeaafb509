"""Weighted sum over the whole map: a depthwise convolution with one output position."""

from typing import Callable, Dict, Tuple

import torch
from torch import Tensor, nn

from .nonnegative import NonNegative

INITS: Dict[str, Callable[[Tensor], Tensor]] = {
    'normal': lambda kernel: nn.init.normal_(kernel, std=0.01),
    'gap': lambda kernel: nn.init.constant_(kernel, 1 / kernel[0, 0].numel()),
}


def weighted_sum(x: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    """Return sum over positions of kernel * x, plus bias.

    Paper: Wise-SrNet, arXiv 2104.12294, the "valid" depthwise convolution whose
    kernel is as large as the map. Figure 1c divides by the area; the code does not.
    Ours: a product and a sum, in PyTorch many times faster backward than `conv2d`.

    Args:
        x: (N, C, H, W).
        kernel: (C, 1, H, W), or (1, 1, H, W) for all channels.
        bias: (C,) or (1,).

    Returns:
        (N, C).
    """
    return (x * kernel.transpose(0, 1)).sum((2, 3)) + bias


def resize_kernel(kernel: Tensor, size: Tuple[int, int]) -> Tensor:
    """Spread kernels over a map of another size, keeping their total weight.

    Ours: a weight is an even density over its cell, a new weight the integral of
    that density over the new cell. So a uniform kernel stays uniform, a non-negative
    one non-negative, the same size is the identity, and a constant map has the same
    weighted sum at every resolution.

    Args:
        kernel: (..., H, W).
        size: new height and width, > 0.

    Returns:
        (..., *size).
    """
    if kernel.shape[-2:] == size:
        return kernel
    rows, columns = (
        _shares(old, new, kernel)
        for old, new in zip(kernel.shape[-2:], size, strict=True)
    )
    with torch.autocast(kernel.device.type, enabled=False):
        return rows @ kernel @ columns.T


def _shares(old: int, new: int, like: Tensor) -> Tensor:
    """Return which share of each old cell lies in each new one, (new, old).

    Both divide the same length, measured in units of 1 / (old * new), so that the
    overlaps are whole numbers. Columns sum to 1.
    """
    i = torch.arange(old, device=like.device) * new
    j = torch.arange(new, device=like.device)[:, None] * old
    overlap = torch.minimum(i + new, j + old) - torch.maximum(i, j)
    return overlap.clamp(min=0).to(like.dtype) / new


class SpatialKernel(nn.Conv2d):
    """`weighted_sum` with learned weight and bias; follows the size of the map.

    Ours: the shape of a depthwise `nn.Conv2d`, (N, C, H, W) -> (N, C, 1, 1); on a map
    of another size the kernel is spread by `resize_kernel`.

    Args:
        channels: channels of the map, > 0; 1 for one kernel shared by all channels.
        size: height and width of the map that the kernel is built for, > 0.
        init: first weights, 'normal' (Normal(0, 0.01)) or 'gap' (1 / positions, the
            mean of the map); the bias starts at 0.
    """

    def __init__(
        self, channels: int, size: Tuple[int, int], init: str = 'normal'
    ) -> None:
        self.init = init
        super().__init__(channels, channels, size, groups=channels)

    def reset_parameters(self) -> None:
        """Draw the weights as `init` says."""
        INITS[self.init](self.weight)
        nn.init.zeros_(self.bias)

    def init_weights(self) -> None:
        """Do so again when MMEngine initialises the network."""
        self.reset_parameters()

    def effective_weight(self) -> Tensor:
        """Return the weight for the forward pass."""
        return self.weight

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C, 1, 1)."""
        kernel = resize_kernel(self.effective_weight(), tuple(x.shape[-2:]))
        return weighted_sum(x, kernel, self.bias)[:, :, None, None]

    def extra_repr(self) -> str:
        """Return the choices."""
        height, width = self.kernel_size
        return f'{self.in_channels}, {height}x{width}, init={self.init!r}'


class NonNegativeSpatialKernel(NonNegative, SpatialKernel):
    """`SpatialKernel` with weights >= 0, see `NonNegative` and `SpatialKernel`."""
