"""Pooling layers of timm as a neck: rivals of Wise-SrNet for the same slot."""

from typing import Optional, Tuple

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmadf.registry import MODELS


@MODELS.register_module()
class TimmPooling(BaseModule):
    """Pool the last map by a layer of `timm.layers`.

    Ours: the wrapper; layer and initialisation are timm's. 'AttentionPool2d' is the
    pooling of CLIP's ResNets, 'RotAttentionPool2d' the same with rotary positions,
    'SimPool2d' (arXiv 2309.06891), 'LsePlus2d' log-sum-exp.

    Args:
        pooling: name of a class in `timm.layers` that maps (N, C, H, W) to (N, C') or
            (N, C', 1, 1).
        arguments: what its constructor takes, as `dict(in_features=2048)`.
        init_cfg: initialisation of MMEngine's BaseModule.

    Raises:
        ImportError: timm is not installed.
        ValueError: timm has no such layer, or its output is not one vector per image.
        TypeError: the layer does not take `arguments`.
    """

    def __init__(
        self,
        pooling: str = 'AttentionPool2d',
        arguments: Optional[dict] = None,
        init_cfg: Optional[dict] = None,
    ) -> None:
        super().__init__(init_cfg)
        self.pool = _timm_layer(pooling)(**(arguments or {}))

    def forward(self, feats: Tuple[Tensor, ...]) -> Tuple[Tensor]:
        """Map the last map, (N, C, H, W), to one (N, C')."""
        y = self.pool(feats[-1])
        if y.dim() != 2 and y.shape[2:].numel() != 1:
            raise ValueError(
                f'TimmPooling: {type(self.pool).__name__} made {tuple(y.shape)} of '
                f'{tuple(feats[-1].shape)}, must make one vector per image; choose '
                'another pooling.'
            )
        return (y.flatten(1),)


def _timm_layer(name: str) -> type:
    try:
        from timm import layers
    except ImportError as error:
        raise ImportError(
            f'TimmPooling: pooling={name!r} is a layer of timm: pip install timm'
        ) from error
    layer = getattr(layers, name, None)
    if not (isinstance(layer, type) and issubclass(layer, nn.Module)):
        known = sorted(n for n in dir(layers) if 'Pool' in n and n.endswith('2d'))
        raise ValueError(
            f'TimmPooling: pooling={name!r} is no layer of timm.layers; it has {known}.'
        )
    return layer
