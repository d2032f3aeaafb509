"""A learned weighted sum over all positions of a feature map."""

from typing import Any, Callable, Dict, Tuple

import torch
from torch import Tensor, nn

from .autocast import without_autocast

INITS: Dict[str, Callable[[Tensor], Tensor]] = {
    'normal': lambda kernel: nn.init.normal_(kernel, std=0.01),
    'gap': lambda kernel: nn.init.constant_(kernel, 1 / kernel[0, 0].numel()),
}


def weighted_sum(x: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    """Return the sum of kernel * x over all positions, plus bias.

    Paper: Wise-SrNet, arXiv 2104.12294, the "valid" depthwise convolution whose
    kernel covers the whole feature map. Figure 1c divides by the area; the code does
    not.
    Ours: an elementwise product and a sum, whose backward pass is many times faster
    in PyTorch than that of `conv2d`.

    Args:
        x: feature map, (N, C, H, W).
        kernel: weights, (C, 1, H, W), or (1, 1, H, W) to share one among all channels.
        bias: (C,) or (1,).

    Returns:
        (N, C).
    """
    return (x * kernel.transpose(0, 1)).sum((2, 3)) + bias


def resize_kernel(kernel: Tensor, size: Tuple[int, int]) -> Tensor:
    """Resample kernels to another feature map size and preserve their total weight.

    Ours: each weight is a uniform density over its cell, and each new weight is the
    integral of that density over the new cell. A uniform kernel therefore stays
    uniform, a non-negative kernel stays non-negative, resampling to the same size is
    the identity, and a constant feature map has the same weighted sum at every
    resolution.

    Args:
        kernel: (..., H, W).
        size: new height and width, > 0.

    Returns:
        (..., *size).
    """
    if kernel.shape[-2:] == size:
        return kernel
    height, width = kernel.shape[-2:]
    rows = _cell_shares(height, size[0], kernel)
    columns = _cell_shares(width, size[1], kernel)
    with without_autocast(kernel):
        return rows @ kernel @ columns.T


def _cell_shares(old: int, new: int, like: Tensor) -> Tensor:
    """Return the share of each old cell that lies in each new cell, (new, old).

    Lengths are measured in units of 1 / (old * new), so that all overlaps are
    integers. Each column sums to 1.
    """
    i = torch.arange(old, device=like.device) * new
    j = torch.arange(new, device=like.device)[:, None] * old
    overlap = torch.minimum(i + new, j + old) - torch.maximum(i, j)
    return overlap.clamp(min=0).to(like.dtype) / new


class SpatialKernel(nn.Conv2d):
    """`weighted_sum` with a learned weight and bias, (N, C, H, W) -> (N, C, 1, 1).

    Ours: it is a depthwise `nn.Conv2d` in its parameters and in its output shape. A
    feature map of another size is handled by `resize_kernel`.

    Args:
        channels: number of kernels, > 0: one per channel of the feature map, or 1 for
            one kernel that all channels share.
        size: height and width of the feature map, > 0.
        init: initial weights, 'normal' for Normal(0, 0.01) or 'gap' for
            1 / (height * width), which is global average pooling. The bias is 0.
    """

    def __init__(
        self, channels: int, size: Tuple[int, int], init: str = 'normal'
    ) -> None:
        self.init = init
        super().__init__(channels, channels, size, groups=channels)

    def reset_parameters(self) -> None:
        """Initialise weight and bias."""
        INITS[self.init](self.weight)
        nn.init.zeros_(self.bias)

    # MMEngine calls this method when it initialises the whole network.
    init_weights = reset_parameters

    def effective_weight(self) -> Tensor:
        """Return the weight that the forward pass uses."""
        return self.weight

    def _load_from_state_dict(
        self, state_dict: Dict[str, Tensor], prefix: str, *args: Any
    ) -> None:
        """Load; a kernel of another size is refused, unless a hook has removed it."""
        super()._load_from_state_dict(state_dict, prefix, *args)
        given, own = state_dict.get(f'{prefix}weight'), getattr(self, 'weight', None)
        comparable = None not in (given, own) and given.shape[:2] == own.shape[:2]
        if comparable and given.shape != own.shape:
            raise ValueError(
                f'{type(self).__name__}: the kernel has the shape {tuple(own.shape)}, '
                f'in the checkpoint {tuple(given.shape)}; set map_size and pool_size '
                'as in training or resize_kernel=True.'
            )

    def forward(self, x: Tensor) -> Tensor:
        """Compute (N, C, H, W) -> (N, C, 1, 1)."""
        kernel = resize_kernel(self.effective_weight(), tuple(x.shape[-2:]))
        return weighted_sum(x, kernel, self.bias)[:, :, None, None]
