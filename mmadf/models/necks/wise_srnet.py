"""Wise-SrNet's pooling as a neck, for heads other than one linear layer."""

from typing import Optional, Tuple, Union

from mmengine.model import BaseModule
from torch import Tensor

from mmadf.models.layers.spatial_pooling import SpatialPooling
from mmadf.registry import MODELS


@MODELS.register_module()
class WiseSrNetPooling(SpatialPooling, BaseModule):
    """Average pool -> depthwise convolution over the rest of the map.

    Paper and Code: as `WiseSrNetHead`, which is this and a linear classifier.
    Ours: in the slot of `GlobalAveragePooling`, for any head of MMPretrain.

    Args:
        in_channels: see `WiseSrNetHead`, as all others.
        map_size: height and width of the map that comes in.
        pool_size: kernel and stride of the average pool, None for no pool.
        constraint: 'nonneg' or None.
        pooling: 'depthwise', 'shared', 'flatten' or 'mean'.
        kernel_init: 'normal' or 'gap'.
        resize_kernel: spread the kernel over maps of another size.
        init_cfg: initialisation of MMEngine's BaseModule.

    Raises:
        ValueError: as `WiseSrNetHead`.
    """

    def __init__(
        self,
        in_channels: int,
        map_size: Union[int, Tuple[int, int]] = 7,
        pool_size: Optional[int] = 2,
        constraint: Optional[str] = 'nonneg',
        pooling: str = 'depthwise',
        kernel_init: str = 'normal',
        resize_kernel: bool = False,
        init_cfg: Optional[dict] = None,
    ) -> None:
        BaseModule.__init__(self, init_cfg)
        self.set_pooling(
            in_channels,
            map_size=map_size,
            pool_size=pool_size,
            pooling=pooling,
            constraint=constraint,
            kernel_init=kernel_init,
            resize_kernel=resize_kernel,
        )

    def forward(self, feats: Tuple[Tensor, ...]) -> Tuple[Tensor]:
        """Map the last map, (N, in_channels, *map_size), to one (N, out_channels)."""
        return (self.pool_map(feats),)
