"""Decoupled convolution: magnitude times angle."""

from typing import Callable, Dict, Optional, Tuple, Union

import torch
import torch.nn.functional as F
from mmengine.registry import MODELS as MMENGINE_MODELS
from torch import Tensor, nn

from mmadf.registry import MODELS

EPS = 1e-4  # Code: added under both square roots and to the squared radius.


def ball_magnitude(r: Tensor, rho: Tensor) -> Tensor:
    """Return min(r, rho) / rho. Paper: arXiv 1804.08071, BallConv."""
    return torch.minimum(r, rho) / rho


def tanh_magnitude(r: Tensor, rho: Tensor) -> Tensor:
    """Return tanh(r / rho). Paper: arXiv 1804.08071, TanhConv."""
    return torch.tanh(r / rho)


def linear_magnitude(r: Tensor, rho: Optional[Tensor]) -> Tensor:
    """Return r. Paper: arXiv 1804.08071, LinearConv."""
    return r


def cosine_angle(cos: Tensor) -> Tensor:
    """Return cos. Paper: arXiv 1804.08071."""
    return cos


def square_cosine_angle(cos: Tensor) -> Tensor:
    """Return sign(cos) * cos^2. Paper: arXiv 1804.08071."""
    return cos * cos.abs()


# name -> (function of patch norm r and radius rho, whether it has a radius)
MAGNITUDES: Dict[str, Tuple[Callable, bool]] = dict(
    ball=(ball_magnitude, True),
    tanh=(tanh_magnitude, True),
    linear=(linear_magnitude, False),
)
ANGLES: Dict[str, Callable[[Tensor], Tensor]] = dict(
    cosine=cosine_angle, square_cosine=square_cosine_angle
)


@MMENGINE_MODELS.register_module()
@MODELS.register_module()
class DecoupledConv2d(nn.Conv2d):
    """Convolution as h(|x|) * g(angle(w, x)), x the patch under the kernel.

    Paper: Decoupled Networks, arXiv 1804.08071.
    Code: wy1iu/DCNets: |x| and |w| are sqrt(sum of squares + 1e-4), with the
    padding of the convolution; the radius is learned, one per kernel, starts at 1
    and acts as rho = (radius^2 + 1e-4) * m, where m is the mean patch norm of the
    batch in training and its moving average (decay 0.999) in evaluation.

    Args:
        in_channels: channels that come in.
        out_channels: number of kernels.
        kernel_size: side of the kernels, or (height, width).
        stride: as in `nn.Conv2d`.
        padding: as in `nn.Conv2d`, numbers only.
        dilation: as in `nn.Conv2d`.
        groups: 1 only.
        bias: add a learned bias per kernel.
        padding_mode: 'zeros' only.
        magnitude: h, one of 'ball', 'tanh', 'linear'.
        angle: g, one of 'cosine', 'square_cosine'.

    Raises:
        ValueError: unknown magnitude or angle, or groups or a padding mode that
            are not supported.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Union[int, Tuple[int, int]],
        stride: Union[int, Tuple[int, int]] = 1,
        padding: Union[int, Tuple[int, int]] = 0,
        dilation: Union[int, Tuple[int, int]] = 1,
        groups: int = 1,
        bias: bool = False,
        padding_mode: str = 'zeros',
        magnitude: str = 'tanh',
        angle: str = 'cosine',
    ) -> None:
        for name, value, allowed in (
            ('magnitude', magnitude, MAGNITUDES),
            ('angle', angle, ANGLES),
            ('groups', groups, [1]),
            ('padding_mode', padding_mode, ['zeros']),
        ):
            if value not in allowed:
                raise ValueError(
                    f'DecoupledConv2d: {name}={value!r} is not supported, choose one '
                    f'of {list(allowed)}.'
                )
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, bias=bias
        )
        self.names = (magnitude, angle)
        self.magnitude, has_radius = MAGNITUDES[magnitude]
        self.angle = ANGLES[angle]
        radius = nn.Parameter(torch.ones(out_channels)) if has_radius else None
        self.register_parameter('radius', radius)
        if has_radius:
            self.register_buffer('mean_norm', torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, out_channels, H', W'), as `nn.Conv2d` does."""
        r = self.patch_norm(x)
        w = self.weight / (self.weight.square().sum((1, 2, 3), True) + EPS).sqrt()
        geometry = (self.stride, self.padding, self.dilation)
        cos = F.conv2d(x, w, None, *geometry) / r
        y = self.magnitude(r, self.rho(r)) * self.angle(cos)
        return y if self.bias is None else y + self.bias[:, None, None]

    def patch_norm(self, x: Tensor) -> Tensor:
        """Return |patch| per position, (N, C, H, W) -> (N, 1, H', W')."""
        energy = x.square().sum(1, keepdim=True)
        ones = energy.new_ones(1, 1, *self.kernel_size)
        geometry = (self.stride, self.padding, self.dilation)
        return (F.conv2d(energy, ones, None, *geometry) + EPS).sqrt()

    def rho(self, r: Tensor) -> Optional[Tensor]:
        """Return the operator radii, (out_channels, 1, 1), None without radius."""
        if self.radius is None:
            return None
        mean = r.mean() if self.training else self.mean_norm
        if self.training:
            self.mean_norm.lerp_(mean.detach(), 1 - 0.999)
        return ((self.radius.square() + EPS) * mean)[:, None, None]

    def extra_repr(self) -> str:
        """Return the geometry and the operator."""
        magnitude, angle = self.names
        return f'{super().extra_repr()}, magnitude={magnitude!r}, angle={angle!r}'
