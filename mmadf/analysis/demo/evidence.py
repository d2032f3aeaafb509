"""Evidence for the prediction of any classifier, and the gates of an ADF network."""

from typing import Dict, Optional

import torch
from mmpretrain.models import ImageClassifier
from torch import Tensor, nn

from mmadf.analysis.explain import explain
from mmadf.analysis.explain.evidence import Evidence, find_evidence
from mmadf.analysis.explain.explanation import Explanation
from mmadf.models.classifiers import ADFClassifier


class Whole(nn.Module):
    """A classifier of any backbone, for `find_evidence`.

    The last output of the backbone passes through `last_map`, where Grad-CAM reads it.
    A `Part` reads the last stage instead, for which it must know the family of the
    backbone; a visitor of the page also gets evidence for other backbones.

    Args:
        model: a classifier with a backbone and a head.
    """

    def __init__(self, model: ImageClassifier) -> None:
        super().__init__()
        self.branch = model
        self.last_map = nn.Identity()

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits, (N, K), for preprocessed images, (N, 3, H, W)."""
        model = self.branch
        *others, last = model.backbone(inputs)
        features = (*others, self.last_map(last))
        return model.head(model.neck(features) if model.with_neck else features)


def explain_any(model: nn.Module, inputs: Tensor) -> Optional[Explanation]:
    """Explain what a network does with one image.

    Args:
        model: a classifier in evaluation mode; ADF networks are explained by branch.
        inputs: one preprocessed image, (1, 3, H, W), on the model's device.

    Returns:
        What `mmadf.analysis.explain.explain` returns; for classifiers other than ADF
        without gates, and with the evidence of 'whole'. None if the network has no
        feature map: Grad-CAM needs positions.

    Raises:
        ImportError: captum is missing.
    """
    if isinstance(model, ADFClassifier):
        return explain(model, inputs)
    if not _has_map(model, inputs):
        return None
    found: Dict[str, Evidence] = dict(whole=find_evidence(Whole(model), inputs))
    return Explanation(found, [], found['whole'].scores)


@torch.no_grad()
def _has_map(model: nn.Module, inputs: Tensor) -> bool:
    """Return whether a classifier of MMPretrain takes a feature map to its head."""
    if not isinstance(model, ImageClassifier):
        return False
    outputs = model.backbone(inputs)
    if not (model.with_head and isinstance(outputs, tuple)):
        return False
    last = outputs[-1]  # of some backbones a list of tokens or of branches
    return isinstance(last, Tensor) and last.dim() == 4
