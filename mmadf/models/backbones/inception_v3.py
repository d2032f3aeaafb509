"""MMPretrain's Inception V3 as a backbone that returns a feature map."""

from typing import Optional, Tuple

from mmpretrain.models import InceptionV3
from torch import Tensor

from mmadf.registry import MODELS


@MODELS.register_module()
class InceptionV3Map(InceptionV3):
    """Inception V3 without its built-in classifier.

    MMPretrain's class pools and classifies in the backbone and returns logits. This
    class omits its pool, dropout, classifier and auxiliary classifier. All other
    layers, their names and their initialisation are MMPretrain's, so its checkpoints
    load.

    Ours: the layers run in the order of construction, which is the order of
    MMPretrain's forward pass.

    Args:
        init_cfg: initialisation of MMEngine's BaseModule; None for MMPretrain's.
    """

    def __init__(self, init_cfg: Optional[dict] = None) -> None:
        super().__init__(**({} if init_cfg is None else dict(init_cfg=init_cfg)))
        del self.avgpool, self.dropout, self.fc

    def forward(self, x: Tensor) -> Tuple[Tensor]:
        """Return one feature map, (N, 2048, H', W'), of images, (N, 3, H, W).

        H' is 5 for 224 pixels, 8 for 299 and 14 for 512.
        """
        for layer in self.children():
            x = layer(x)
        return (x,)
