"""Decoupled convolution: magnitude times angle."""

from typing import Any, Optional, Tuple, Union

import torch
import torch.nn.functional as F
from mmengine.registry import MODELS as MMENGINE_MODELS
from torch import Tensor, nn
from torch.nn.modules.utils import _pair

from mmadf.models.layers.decoupled.norms import EPS, without_autocast
from mmadf.models.layers.decoupled.primitives import by_group, is_traced, with_energy
from mmadf.registry import MODELS

from .decoupled import DecoupledOperator, LeanConvolution, convolve


@MMENGINE_MODELS.register_module()
@MODELS.register_module()
class DecoupledConv2d(DecoupledOperator, nn.Conv2d):
    """Convolution as h(|w|, |x|) * g(angle(w, x)), x the patch under the kernel.

    Paper: Decoupled Networks, CVPR 2018, arXiv 1804.08071.
    Code: wy1iu/DCNets: the defaults; kernels are always normalised, so that |w|
    counts only in the weighted operators; no bias.
    Ours: groups have one patch norm each; geometries and padding modes beyond the
    code's; norms in float32 whatever the precision; see `DecoupledOperator`. For the
    backward pass it keeps what `nn.Conv2d` keeps, see `LeanConvolution`. Whoever scales
    kernels to fold a batch norm into them, as mmcv's `fuse_conv_bn`, must not do so
    here, where they are normalised: use `fold`.

    Args:
        in_channels: channels that come in.
        out_channels: number of kernels K.
        kernel_size: side of the kernels, or (height, width).
        stride: as in `nn.Conv2d`.
        padding: as in `nn.Conv2d`, 'same' and 'valid' included.
        dilation: as in `nn.Conv2d`.
        groups: as in `nn.Conv2d`.
        bias: add a learned bias per kernel.
        padding_mode: as in `nn.Conv2d`; padding counts in the patch norm as the
            numbers that it puts there.
        magnitude: h, a name in `MAGNITUDES`: 'sphere', 'ball', 'tanh', 'linear',
            'segmented', 'log', 'mix', 'weighted_linear', 'weighted_tanh' or
            'weighted_tanh_product'.
        angle: g, a name in `ANGLES`: 'linear', 'cosine', 'square_cosine', 'sigmoid'
            or 'learnable_sigmoid'.
        alpha: scale of the magnitude.
        beta: slope beyond the radius ('segmented'), scale of the logarithm ('mix').
        k: curvature of the 'sigmoid' angle, > 0.
        radius: 'kernel' or 'layer' for a learned operator radius each, or a number
            > 0, fixed.
        radius_unit: 'mean_norm' (relative to the mean patch norm) or 'absolute'.
        decay: of the moving average of the mean patch norm, in [0, 1).
        sync_mean_norm: take the mean patch norm over all processes.

    Raises:
        ValueError: unknown name or a number outside its range, and what
            `nn.Conv2d` refuses.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Union[int, Tuple[int, int]],
        stride: Union[int, Tuple[int, int]] = 1,
        padding: Union[int, Tuple[int, int], str] = 0,
        dilation: Union[int, Tuple[int, int]] = 1,
        groups: int = 1,
        bias: bool = False,
        padding_mode: str = 'zeros',
        magnitude: str = 'tanh',
        angle: str = 'cosine',
        alpha: float = 1.0,
        beta: float = 0.5,
        k: float = 0.5,
        radius: Union[str, float] = 'kernel',
        radius_unit: str = 'mean_norm',
        decay: float = 0.999,
        sync_mean_norm: bool = False,
    ) -> None:
        nn.Conv2d.__init__(
            self,
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            groups,
            bias,
            padding_mode,
        )
        self.set_operator(
            out_channels,
            magnitude=magnitude,
            angle=angle,
            alpha=alpha,
            beta=beta,
            k=k,
            radius=radius,
            radius_unit=radius_unit,
            decay=decay,
            sync_mean_norm=sync_mean_norm,
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, K, H', W'), as `nn.Conv2d` does.

        Raises:
            ValueError: an input without batch dimension, or of other channels.
        """
        if x.dim() != 4 or x.shape[1] != self.in_channels:
            raise ValueError(
                f'DecoupledConv2d: input of shape {tuple(x.shape)} must be '
                f'(N, {self.in_channels}, H, W); add a batch dimension with x[None], '
                'or correct in_channels.'
            )
        if not self.pads_within:
            mode = 'constant' if self.padding_mode == 'zeros' else self.padding_mode
            x = F.pad(x, self.borders, mode)
        x, energy = with_energy(x, self.groups)
        r = self.patch_norm(energy)
        rho, k = self.rho(r), self.k_of()
        function = convolve if is_traced() else LeanConvolution.apply
        y = function(x, self.weight, r, rho, k, self)
        return y if self.bias is None else y + self.bias.to(y.dtype)[:, None, None]

    @property
    def borders(self) -> Tuple[int, int, int, int]:
        """What is padded left, right, above and below; see `nn.Conv2d`.

        As in `nn.Conv2d`, what hosts set on a built layer counts: stride, dilation, and
        padding with zeros.
        """
        if self.padding_mode != 'zeros' or self.padding == 'valid':
            return tuple(self._reversed_padding_repeated_twice)
        if self.padding == 'same':
            sizes = zip(_pair(self.dilation), self.kernel_size, strict=True)
            spans = [dilation * (size - 1) for dilation, size in sizes]
        else:
            spans = [2 * padding for padding in _pair(self.padding)]
        (top, left), (height, width) = (span // 2 for span in spans), spans
        return left, width - left, top, height - top

    @property
    def pads_within(self) -> bool:
        """Whether the convolution pads: with zeros, the same on both sides."""
        left, right, top, bottom = self.borders
        return self.padding_mode == 'zeros' and (left, top) == (right, bottom)

    @property
    def geometry(self) -> Tuple[Any, ...]:
        """Stride, padding within the convolution, dilation and groups."""
        left, _, top, _ = self.borders
        margin = (top, left) if self.pads_within else (0, 0)
        return _pair(self.stride), margin, _pair(self.dilation), self.groups

    def patch_norm(self, energy: Tensor) -> Tensor:
        """Return |patch| per group and position.

        Args:
            energy: sums of squares over the channels of each group, (N, groups, H, W),
                of the input, padded already unless with zeros.

        Returns:
            (N, groups, H', W').
        """
        stride, margin, _, _ = self.geometry
        if self.kernel_size == (1, 1) and margin == (0, 0):
            total = energy[..., :: stride[0], :: stride[1]]
        else:
            ones = energy.new_ones(self.groups, 1, *self.kernel_size)
            with without_autocast(energy):
                total = self.correlate(energy, ones)
        return (total + EPS).sqrt()

    def per_kernel(self, values: Tensor) -> Tensor:
        """Shape (K,) as `by_group` shapes maps; one value for all stays one."""
        if self.groups == 1:
            return values.view(-1, 1, 1)
        return values.view(self.groups if len(values) > 1 else 1, -1, 1, 1)

    def by_group(self, x: Tensor) -> Tensor:
        """Shape (N, C, H, W) to (N, groups, C / groups, H, W) if there are groups."""
        return x if self.groups == 1 else by_group(x, self.groups)

    def correlate(self, x: Tensor, kernels: Tensor) -> Tensor:
        """Correlate with this layer's geometry."""
        return F.conv2d(x, kernels, None, *self.geometry)

    def correlate_backward(
        self, grad: Tensor, x: Tensor, kernels: Tensor, wanted: Tuple[bool, bool]
    ) -> Tuple[Optional[Tensor], Optional[Tensor]]:
        """Return the gradients of input and kernels, where wanted, of `correlate`."""
        stride, padding, dilation, groups = self.geometry
        return torch.ops.aten.convolution_backward(
            grad,
            x,
            kernels,
            None,
            stride,
            padding,
            dilation,
            False,
            (0, 0),
            groups,
            (*wanted, False),
        )[:2]
