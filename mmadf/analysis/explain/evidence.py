"""Predictions of the parts of an ADF network, and Grad-CAM evidence for them."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from mmadf.models.classifiers import ADFClassifier
from mmadf.utils.optional import import_optional


class Evidence(NamedTuple):
    """Class probabilities, (K,), and Grad-CAM of the most probable class, (h, w)."""

    scores: Tensor
    cam: Tensor


class Part(nn.Module):
    """A part of an ADF network that classifies on its own, from images to logits.

    The last feature map passes through the module `last_map`, where Grad-CAM reads it
    whatever the family of the backbone.

    Args:
        model: an ADF classifier.
        name: 'appearance', 'semantic' (without fusion) or 'fused' (semantic).
    """

    def __init__(self, model: ADFClassifier, name: str) -> None:
        super().__init__()
        self.model = model
        self.last_map = nn.Identity()
        self.branch = model.appearance if name == 'appearance' else model.semantic
        self.maps = model.fused_maps if name == 'fused' else self.branch.maps

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits, (N, K), for preprocessed images, (N, 3, H, W)."""
        maps = self.maps(inputs)
        maps[-1] = self.last_map(maps[-1])
        return self.branch.logits(maps)


def find_evidence(part: Part, inputs: Tensor) -> Evidence:
    """Return the probabilities of a part, and Grad-CAM of its most probable class.

    Grad-CAM (arXiv 1610.02391) sums the channels of the last feature map, weighted by
    the mean gradient of the logit over positions, and clips negative values. Captum
    computes it.

    Args:
        part: in evaluation mode.
        inputs: one preprocessed image, (1, 3, H, W).

    Raises:
        ImportError: captum is missing.
    """
    grad_cam = import_grad_cam()(part, part.last_map)
    with torch.no_grad():
        (sample,) = part.branch.head._get_predictions(part(inputs), None)
    scores = sample.pred_score
    cam = grad_cam.attribute(
        inputs, target=int(scores.argmax()), relu_attributions=True
    )
    return Evidence(scores.cpu(), cam[0, 0].detach().cpu())


def import_grad_cam() -> type:
    """Return captum's `LayerGradCam`.

    Raises:
        ImportError: captum is missing.
    """
    return import_optional('captum.attr').LayerGradCam
