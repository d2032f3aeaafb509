"""Predictions of the parts of an ADF network, and Grad-CAM evidence for them."""

from typing import List, NamedTuple

import torch
from torch import Tensor, nn

from mmadf.models.classifiers import ADFClassifier


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
        self.maps = dict(
            appearance=_appearance_maps, semantic=_semantic_maps, fused=fused_maps
        )[name]
        appearance = name == 'appearance'
        self.outputs = (
            model.appearance_outputs if appearance else model.semantic_outputs
        )
        self.neck = model.appearance_neck if appearance else model.neck
        self.head = model.appearance_head if appearance else model.head

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits, (N, K), for preprocessed images, (N, 3, H, W)."""
        maps = self.maps(self.model, inputs)
        maps[-1] = self.last_map(maps[-1])
        feats = self.outputs(maps)
        return self.head(feats if self.neck is None else self.neck(feats))


def _appearance_maps(model: ADFClassifier, inputs: Tensor) -> List[Tensor]:
    return model.appearance_maps(inputs, model.appearance_asked[-1])


def _semantic_maps(model: ADFClassifier, inputs: Tensor) -> List[Tensor]:
    return model.stages.maps(model.backbone, inputs, model.asked[-1])


def fused_maps(model: ADFClassifier, inputs: Tensor) -> List[Tensor]:
    """Return the feature maps of all semantic stages, with fusion."""
    appearance = model.appearance_maps(inputs, model.last_source)
    return model.semantic_maps(inputs, appearance)


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
        (sample,) = part.head._get_predictions(part(inputs), None)
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
    try:
        from captum.attr import LayerGradCam
    except ImportError as error:
        raise ImportError("Grad-CAM needs captum: pip install 'captum>=0.9'") from error
    return LayerGradCam
