"""Decoupled convolution: magnitude times angle."""

from typing import Any, Optional, Tuple, Union

import torch.nn.functional as F
from mmengine.registry import MODELS as MMENGINE_MODELS
from torch import Tensor, nn

from mmadf.registry import MODELS

from .decoupled import DecoupledOperator, decoupled_conv2d, patch_norm
from .decoupled.module import check_weights, is_frozen
from .fusers import check_parameter, refuse_linear


@MMENGINE_MODELS.register_module()
@MODELS.register_module()
class DecoupledConv2d(nn.Conv2d):
    """Convolution as h(|w|, |x|) * g(angle(w, x)), x the patch under the kernel.

    Paper: Decoupled Networks, CVPR 2018, arXiv 1804.08071.
    Code: wy1iu/DCNets: the defaults; kernels are always normalised, so that |w|
    counts only in the weighted operators; no bias.
    Ours: one patch norm per group; all geometries and padding modes of `nn.Conv2d`;
    norms in float32 or better whatever the precision; see `DecoupledOperator`.

    In eager mode, training saves the input, as `nn.Conv2d` does, and the output, which
    adds nothing where the next layer saves it anyway, as a batch norm does. Tools that
    fold batch norms by scaling kernels, such as MMCV's `fuse_conv_bn`, are refused,
    because the layer normalises its kernels; use `mmadf.models.surgery.fold`.

    Args:
        in_channels: number of input channels.
        out_channels: number of kernels K.
        kernel_size: size of the kernels, as a side or as (height, width).
        stride: as in `nn.Conv2d`.
        padding: as in `nn.Conv2d`, 'same' and 'valid' included.
        dilation: as in `nn.Conv2d`.
        groups: as in `nn.Conv2d`.
        bias: add a learned bias per kernel.
        padding_mode: as in `nn.Conv2d`; padded values count in the patch norm.
        operator: arguments of `DecoupledOperator`, from `magnitude` on.

    Raises:
        ValueError: an unknown name, a number outside its range, or an argument that
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
        **operator: Any,
    ) -> None:
        super().__init__(
            *(in_channels, out_channels, kernel_size, stride, padding, dilation),
            *(groups, bias, padding_mode),
        )
        self.operator = DecoupledOperator(out_channels, **operator)
        self.register_load_state_dict_pre_hook(check_weights)

    def reset_parameters(self) -> None:
        """Initialise weight and bias as `nn.Conv2d` does, and the operator."""
        super().reset_parameters()
        if hasattr(self, 'operator'):  # `nn.Conv2d` calls this before it is built
            self.operator.reset_parameters()

    def register_parameter(self, name: str, param: Optional[nn.Parameter]) -> None:
        """Register a parameter, unless a tool has computed it to fold a batch norm."""
        check_parameter(self, name, param)
        super().register_parameter(name, param)

    def _conv_forward(self, *_: Tensor) -> Tensor:
        refuse_linear(self)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, K, H', W'), as `nn.Conv2d` does.

        Raises:
            ValueError: the input has no batch dimension or another number of channels.
        """
        if x.dim() != 4 or x.shape[1] != self.in_channels:
            raise ValueError(
                f'DecoupledConv2d: input of shape {tuple(x.shape)} must be '
                f'(N, {self.in_channels}, H, W); add a batch dimension with x[None], '
                'or correct in_channels.'
            )
        padding = self.padding
        if self.padding_mode != 'zeros':
            x = F.pad(x, self._reversed_padding_repeated_twice, self.padding_mode)
            padding = 0
        geometry = self.stride, padding, self.dilation, self.groups
        r = patch_norm(x, self.kernel_size, *geometry)
        options = dict(patch_norms=r, **self.operator(r, is_frozen(self.weight)))
        return decoupled_conv2d(x, self.weight, self.bias, *geometry, **options)
