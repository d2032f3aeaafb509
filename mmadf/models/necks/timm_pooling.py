"""Pooling layers of timm as a neck: alternatives to Wise-SrNet's pooling."""

from typing import Optional, Tuple, Union

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmadf.registry import MODELS
from mmadf.utils.optional import import_optional


@MODELS.register_module()
class TimmPooling(BaseModule):
    """Pool the last feature map with a layer of `timm.layers`.

    Ours: the wrapper; layer and initialisation are timm's. 'AttentionPool2d' is the
    pooling of CLIP's ResNets, 'RotAttentionPool2d' is the same with rotary position
    embeddings, 'SimPool2d' is SimPool (arXiv 2309.06891), and 'LsePlus2d' is the
    logarithm of a sum of exponentials.

    Args:
        pooling: name of a class in `timm.layers` that computes (N, C, H, W) -> (N, C')
            or (N, C', 1, 1).
        arguments: arguments of its constructor, such as `dict(in_features=2048)`.
        init_cfg: initialisation of MMEngine's BaseModule.

    Raises:
        ImportError: if timm is not installed.
        ValueError: if timm has no such layer.
        TypeError: if the layer does not accept `arguments`.
    """

    def __init__(
        self,
        pooling: str = 'AttentionPool2d',
        arguments: Optional[dict] = None,
        init_cfg: Optional[dict] = None,
    ) -> None:
        super().__init__(init_cfg)
        layers = import_optional('timm.layers')
        layer = getattr(layers, pooling, None)
        if not (isinstance(layer, type) and issubclass(layer, nn.Module)):
            known = sorted(n for n in dir(layers) if 'Pool' in n and n.endswith('2d'))
            raise ValueError(
                f'TimmPooling: pooling={pooling!r} is not a layer of timm.layers; '
                f'choose one of {known}.'
            )
        self.pool = layer(**(arguments or {}))

    def forward(
        self, feats: Union[Tensor, Tuple[Tensor, ...]]
    ) -> Union[Tensor, Tuple[Tensor]]:
        """Pool the last feature map of a backbone.

        Args:
            feats: a feature map, (N, C, H, W), or a tuple of feature maps, of which the
                last one is used.

        Returns:
            A tensor (N, C'), in a tuple if `feats` is one.

        Raises:
            ValueError: if the layer does not return one vector per image.
        """
        x = feats if isinstance(feats, Tensor) else feats[-1]
        y = self.pool(x)
        if y.dim() != 2 and y.shape[2:].numel() != 1:
            raise ValueError(
                f'TimmPooling: pooling={type(self.pool).__name__!r} must return one '
                f'vector per image, got {tuple(y.shape)} from {tuple(x.shape)}; choose '
                'another layer.'
            )
        pooled = y.flatten(1)
        return pooled if isinstance(feats, Tensor) else (pooled,)
