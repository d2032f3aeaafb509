"""What each part of an ADF network decides, and which places speak for it."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from mmadf.models.classifiers import ADFClassifier


class Reading(NamedTuple):
    """What one part of the network decides: a probability for each class, (K,), and the
    places that speak for the likeliest one, (h, w), >= 0.
    """

    scores: Tensor
    cam: Tensor


class Part(nn.Module):
    """One decision of an ADF network, from images to logits.

    Its last map passes the module `last_map`, whatever the family of the backbone.

    Args:
        model: an ADF classifier.
        name: 'appearance', 'semantic' (without fusion) or 'fused'.
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
        last = self.branch.out_stages[-1]
        maps[last] = self.last_map(maps[last])
        return self.branch.logits(maps)


def read(part: Part, inputs: Tensor) -> Reading:
    """Return the probabilities of a part, and Grad-CAM of its likeliest class.

    Grad-CAM (arXiv 1610.02391): channels of the last map, weighted by the mean gradient
    of the logit over positions, summed, negative values cut off. By captum.

    Args:
        part: which decision, in evaluation mode.
        inputs: one preprocessed image, (1, 3, H, W).

    Raises:
        ImportError: captum is missing.
    """
    grad_cam = import_grad_cam()
    with torch.no_grad():
        (sample,) = part.branch.head._get_predictions(part(inputs), None)
    scores = sample.pred_score
    cam = grad_cam(part, part.last_map).attribute(
        inputs, target=int(scores.argmax()), relu_attributions=True
    )
    return Reading(scores.cpu(), cam[0, 0].detach().cpu())


def import_grad_cam() -> type:
    """Return captum's `LayerGradCam`.

    Raises:
        ImportError: captum is missing.
    """
    try:
        from captum.attr import LayerGradCam
    except ImportError as error:
        raise ImportError(
            "what speaks for a class is found by captum: pip install 'captum>=0.9'"
        ) from error
    return LayerGradCam
