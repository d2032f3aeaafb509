"""A classifier as a function of pixels in [0, 1]."""

import torch.nn as nn
from torch import Tensor


class PixelNetwork(nn.Module):
    """A classifier with its normalisation, from pixels in [0, 1] to logits.

    The channels are in the order in which the data pipeline yields them. Pixels are not
    rounded to 1/255. The network is in evaluation mode and its weights are frozen.

    Args:
        classifier: classifier of MMPretrain, with its data preprocessor.
    """

    def __init__(self, classifier: nn.Module) -> None:
        super().__init__()
        self.classifier = classifier
        self.eval().requires_grad_(False)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return logits, (N, num_classes), of pixels in [0, 1], (N, 3, H, W)."""
        preprocess = self.classifier.data_preprocessor
        batch = preprocess(dict(inputs=255 * pixels), training=False)
        return self.classifier(batch['inputs'])

    @property
    def num_classes(self) -> int:
        """Number of classes of the head."""
        return self.classifier.head.num_classes

    @property
    def reads_bgr(self) -> bool:
        """Whether the pipeline yields BGR images, which the preprocessor converts."""
        return bool(getattr(self.classifier.data_preprocessor, 'to_rgb', False))
