"""The ResNet-32 for CIFAR."""

from typing import Optional, Sequence

from mmpretrain.models import ResNet_CIFAR
from mmpretrain.models.backbones.resnet import BasicBlock
from torch import nn

from mmadf.models.surgery.decouple import recouple
from mmadf.registry import MODELS


@MODELS.register_module()
class ResNet32(ResNet_CIFAR):
    """3x3 stem at 96, then five basic units each at 96, 192 and 384 channels.

    Paper: Decoupled Networks, CVPR 2018, arXiv 1804.08071: ResNet-32, 1x1 shortcuts
    stay ordinary.
    Code: wy1iu/DCNets: no ReLU behind the stem; kernels start with a variance of 2 /
    fan-in, the last norm of a unit at 1; batch norm with eps 1e-3 and decay 0.999.
    Ours: symmetric padding; TensorFlow's 'SAME' pads a stride of 2 by one pixel less
    on the left and top.

    Args:
        in_channels: channels of the image.
        base_channels: channels of the stem and the first stage.
        conv_cfg: layer of all convolutions but shortcuts, None for `nn.Conv2d`.
        norm_cfg: norm behind each convolution, None for none.
        out_indices: stages whose maps are returned, of 0 to 2.
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
        self.relu = nn.Identity()  # of the stem; the units have their own

    def make_res_layer(self, **kwargs) -> nn.Module:
        """Build a stage as the host does, but with an ordinary shortcut."""
        stage = super().make_res_layer(**kwargs)
        if stage[0].downsample is not None:
            recouple(stage[0].downsample)
        return stage
