"""The plain network CNN-9."""

from typing import Optional, Sequence

from mmcv.cnn import ConvModule
from torch import nn

from mmadf.registry import MODELS

from .staged import StagedBackbone


@MODELS.register_module()
class CNN9(StagedBackbone):
    """Three times three 3x3 convolutions and a pool, then a fully connected layer.

    Paper: Decoupled Networks, CVPR 2018, arXiv 1804.08071: the plain CNN-9, with and
    without batch norm and ReLU, of the sibling SphereNet (arXiv 1711.03189): 3 x 128,
    pool, 3 x 192, pool, 3 x 256, pool, fc 256, classifier, for 32x32 images.
    Code: wy1iu/DCNets does not have it.
    Ours: pools are 2x2 maxima; norm and activation also follow the fully connected
    layer. That layer is a convolution over the whole map, the same function, so that
    `conv_cfg` decouples it as well. Behind it comes GlobalAveragePooling, which on a
    1x1 map only drops the two dimensions, and the classifier, which stays ordinary.

    Stages are the three groups, each with its pool, and the fully connected layer.

    Args:
        in_channels: channels of the image.
        channels: channels of the groups.
        fc_channels: outputs of the fully connected layer.
        map_size: side of its kernels: that of the map behind the last pool, an
            eighth of the image's.
        conv_cfg: layer of all ten, None for `nn.Conv2d`.
        norm_cfg: norm behind each, None for none. Ordinary convolutions without norm
            have a bias.
        act_cfg: activation behind each, None for none.
        out_indices: stages whose maps are returned, of 0 to 3.
        init_cfg: initialisation of MMEngine's BaseModule; the layers are initialised
            as `ConvModule` does it.

    Raises:
        ValueError: a stage that does not exist.
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
        stages.append(ConvModule(in_channels, fc_channels, map_size, **layer))
        super().__init__(stages, out_indices, init_cfg)
