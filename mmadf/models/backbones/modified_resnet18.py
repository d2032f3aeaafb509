"""The modified ResNet-18 of Decoupled Networks, for ImageNet."""

from typing import Optional, Sequence

from mmcv.cnn import ConvModule
from mmengine.model import BaseModule, Sequential
from torch import Tensor, nn

from mmadf.registry import MODELS

from .staged import StagedBackbone


class Unit(BaseModule):
    """Residual unit of two 3x3 convolutions, without activation after the sum.

    Code: wy1iu/DCNets.

    Args:
        channels: channels in and out.
        layer: `conv_cfg` and `norm_cfg` of both convolutions.
    """

    def __init__(self, channels: int, layer: dict) -> None:
        super().__init__()
        self.conv1 = conv(channels, channels, 3, 1, layer)
        self.conv2 = ConvModule(
            channels, channels, 3, padding=1, act_cfg=None, bias=False, **layer
        )

    def forward(self, x: Tensor) -> Tensor:
        """Compute (N, C, H, W) -> (N, C, H, W)."""
        return x + self.conv2(self.conv1(x))


def conv(
    in_channels: int, out_channels: int, kernel_size: int, stride: int, layer: dict
) -> ConvModule:
    """Return convolution, norm and a PReLU with one slope per channel, initially 0."""
    return ConvModule(
        in_channels,
        out_channels,
        kernel_size,
        stride,
        padding=kernel_size // 2,
        bias=False,
        act_cfg=dict(type='PReLU', num_parameters=out_channels, init=0.0),
        **layer,
    )


@MODELS.register_module()
class ModifiedResNet18(StagedBackbone):
    """ResNet-18 that downsamples by convolutions between its units.

    7x7/2 to 128, max pool, one unit; 3x3/2 to 256, two units; 3x3/2 to 512, three
    units; 3x3/2 to 1024, one unit. All shortcuts are identities.

    Paper: Decoupled Networks, CVPR 2018, arXiv 1804.08071: modified ResNet-18.
    Code: wy1iu/DCNets: all of the above; batch norm with eps 1e-3 and decay 0.999.
    Ours: symmetric padding; at stride 2 TensorFlow's 'SAME' pads one pixel less on the
    left and top. Initialisation of MMCV's ConvModule instead of Normal(0, 0.01) or
    Xavier's: they differ in the norm of the kernels, which decoupling ignores.

    Args:
        in_channels: channels of the image, > 0.
        channels: channels of the stages.
        units: number of units in each stage.
        conv_cfg: type of all convolutions, None for `nn.Conv2d`.
        norm_cfg: norm after each convolution, or None.
        out_indices: stages whose outputs are returned, from 0 to 3.
        init_cfg: initialisation of MMEngine's BaseModule.

    Raises:
        ValueError: for a stage that does not exist, see `StagedBackbone`.
    """

    def __init__(
        self,
        in_channels: int = 3,
        channels: Sequence[int] = (128, 256, 512, 1024),
        units: Sequence[int] = (1, 2, 3, 1),
        conv_cfg: Optional[dict] = None,
        norm_cfg: Optional[dict] = dict(type='BN', eps=1e-3, momentum=1e-3),
        out_indices: Sequence[int] = (3,),
        init_cfg: Optional[dict] = None,
    ) -> None:
        layer = dict(conv_cfg=conv_cfg, norm_cfg=norm_cfg)
        stem = [
            conv(in_channels, channels[0], 7, 2, layer),
            nn.MaxPool2d(3, stride=2, padding=1),
        ]
        stages = []
        for width, count in zip(channels, units, strict=True):
            downsample = [conv(in_channels, width, 3, 2, layer)] if stages else stem
            residual = [Unit(width, layer) for _ in range(count)]
            stages.append(Sequential(*downsample, *residual))
            in_channels = width
        super().__init__(stages, out_indices, init_cfg)
