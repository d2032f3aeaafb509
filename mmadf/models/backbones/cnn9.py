"""CNN-9, a plain network for CIFAR."""

from typing import Optional, Sequence

from mmcv.cnn import ConvModule
from torch import Tensor, nn

from mmadf.registry import MODELS

from .staged import StagedBackbone


@MODELS.register_module()
class CNN9(StagedBackbone):
    """Three groups of three 3x3 convolutions and a max pool, then a linear layer.

    Paper: Decoupled Networks, CVPR 2018, arXiv 1804.08071: the plain CNN-9 for 32x32
    images, with and without batch norm and ReLU. Its widths are those of SphereNet
    (arXiv 1711.03189): 3 x 128, pool, 3 x 192, pool, 3 x 256, pool, fc 256,
    classifier.
    Code: not in wy1iu/DCNets.
    Ours: the pools are 2x2 max pools; norm and activation also follow the fully
    connected layer. That layer is written as a convolution over the whole feature
    map, so that `conv_cfg` decouples it as well. Put GlobalAveragePooling, which
    removes the two dimensions of size 1, and an ordinary classifier after it.

    Stages 0 to 2 are the groups with their pools, stage 3 is the linear layer.
    `image_size` is the height and width of the images in training.

    Args:
        in_channels: channels of the image, > 0.
        channels: channels of the groups.
        fc_channels: outputs of the fully connected layer, > 0.
        map_size: height and width of the feature map that it takes, an eighth of the
            image's. In training images of another size are refused; in evaluation it
            is applied to every window of a larger feature map.
        conv_cfg: type of all ten convolutions, None for `nn.Conv2d`.
        norm_cfg: norm after each convolution, or None. Only an `nn.Conv2d` without
            norm has a bias.
        act_cfg: activation after each convolution, or None.
        out_indices: stages whose outputs are returned, from 0 to 3.
        init_cfg: initialisation of MMEngine's BaseModule; by default that of
            `ConvModule` applies.

    Raises:
        ValueError: for a stage that does not exist, see `StagedBackbone`; in training,
            for images of another size.
    """

    def __init__(
        self,
        in_channels: int = 3,
        channels: Sequence[int] = (128, 192, 256),
        fc_channels: int = 256,
        map_size: int = 4,
        conv_cfg: Optional[dict] = None,
        norm_cfg: Optional[dict] = None,
        act_cfg: Optional[dict] = dict(type='ReLU'),
        out_indices: Sequence[int] = (3,),
        init_cfg: Optional[dict] = None,
    ) -> None:
        layer = dict(
            conv_cfg=conv_cfg,
            norm_cfg=norm_cfg,
            act_cfg=act_cfg,
            bias=conv_cfg is None and norm_cfg is None,
        )
        stages = []
        for width in channels:
            convs = [
                ConvModule(in_width, width, 3, padding=1, **layer)
                for in_width in (in_channels, width, width)
            ]
            stages.append(nn.Sequential(*convs, nn.MaxPool2d(2)))
            in_channels = width
        stages.append(WholeMapConv(in_channels, fc_channels, map_size, **layer))
        super().__init__(stages, out_indices, init_cfg)
        self.image_size = map_size * 2 ** len(channels)


class WholeMapConv(ConvModule):
    """A convolution over the whole feature map, with norm and activation."""

    def forward(self, x: Tensor) -> Tensor:
        """Compute (N, C, H, W) -> (N, K, 1, 1).

        Raises:
            ValueError: in training, the feature map has another size than the kernel.
        """
        size = tuple(x.shape[-2:])
        if self.training and size != self.kernel_size:
            raise ValueError(
                f'CNN9: map_size={self.kernel_size} must be the size of the feature '
                f'map, got {size}; set map_size={size}, or resize the images.'
            )
        return super().forward(x)
