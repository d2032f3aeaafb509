"""The ResNet-32 of Decoupled Networks, for CIFAR."""

from typing import Optional, Sequence

from mmpretrain.models import ResNet_CIFAR
from mmpretrain.models.backbones.resnet import BasicBlock
from torch import nn

from mmadf.models.surgery.decouple import recouple
from mmadf.registry import MODELS


@MODELS.register_module()
class ResNet32(ResNet_CIFAR):
    """3x3 stem with 96 channels, then stages of five basic units, 96, 192 and 384.

    Paper: Decoupled Networks, CVPR 2018, arXiv 1804.08071: ResNet-32, whose 1x1
    shortcuts stay ordinary convolutions.
    Code: wy1iu/DCNets: no ReLU after the stem; initial kernels have a variance of
    2 / fan-in, and the last norm of a unit a slope of 1; batch norm with eps 1e-3 and
    decay 0.999.
    Ours: symmetric padding; at stride 2 TensorFlow's 'SAME' pads one pixel less on the
    left and top.

    Args:
        in_channels: channels of the image, > 0.
        base_channels: channels of the stem and the first stage, > 0.
        conv_cfg: type of all convolutions except shortcuts, None for `nn.Conv2d`.
        norm_cfg: norm after each convolution, or None.
        out_indices: stages whose outputs are returned, from 0 to 2.
        init_cfg: initialisation of MMEngine's BaseModule.
    """

    arch_settings = {32: (BasicBlock, (5, 5, 5))}

    def __init__(
        self,
        in_channels: int = 3,
        base_channels: int = 96,
        conv_cfg: Optional[dict] = None,
        norm_cfg: Optional[dict] = dict(type='BN', eps=1e-3, momentum=1e-3),
        out_indices: Sequence[int] = (2,),
        init_cfg: Optional[dict] = dict(
            type='Kaiming', layer='Conv2d', mode='fan_in', nonlinearity='relu'
        ),
    ) -> None:
        super().__init__(
            32,
            in_channels=in_channels,
            stem_channels=base_channels,
            base_channels=base_channels,
            num_stages=3,
            strides=(1, 2, 2),
            dilations=(1, 1, 1),
            out_indices=out_indices,
            conv_cfg=conv_cfg,
            norm_cfg=dict(type=nn.Identity) if norm_cfg is None else norm_cfg,
            zero_init_residual=False,
            init_cfg=init_cfg,
        )
        self.relu = nn.Identity()  # the stem's; each unit has its own

    def make_res_layer(self, **kwargs) -> nn.Module:
        """Build a stage whose shortcut is an ordinary convolution."""
        stage = super().make_res_layer(**kwargs)
        if stage[0].downsample is not None:
            recouple(stage[0].downsample)
        return stage
