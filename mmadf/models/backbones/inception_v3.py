"""MMPretrain's Inception V3 up to its last map."""

from typing import Optional, Tuple

from mmpretrain.models import InceptionV3
from torch import Tensor

from mmadf.registry import MODELS


@MODELS.register_module()
class InceptionV3Map(InceptionV3):
    """Inception V3 that returns its map, so that a head can pool it.

    MMPretrain's class pools and classifies inside and returns logits. This one drops
    its pool, dropout, classifier and auxiliary classifier; all other layers, their
    names and their initialisation are MMPretrain's, so its checkpoints load.

    Ours: the layers are run in the order in which MMPretrain builds them, which is
    that of its forward pass.

    Args:
        init_cfg: initialisation of MMEngine's BaseModule, None for MMPretrain's.
    """

    def __init__(self, init_cfg: Optional[dict] = None) -> None:
        super().__init__(**({} if init_cfg is None else dict(init_cfg=init_cfg)))
        del self.avgpool, self.dropout, self.fc

    def forward(self, x: Tensor) -> Tuple[Tensor]:
        """Map (N, 3, H, W) to one map, (N, 2048, H / 32 - 2, W / 32 - 2) or so.

        8 x 8 positions for 299 pixels, 5 x 5 for 224, 14 x 14 for 512.
        """
        for layer in self.children():
            x = layer(x)
        return (x,)
