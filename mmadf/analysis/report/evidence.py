"""Wrong predictions with their evidence: Grad-CAM, as pictures to inline in a page."""

from typing import NamedTuple, Optional, Sequence, Tuple

import torch
from mmpretrain.models import ImageClassifier
from torch import Tensor, nn

from mmadf.analysis.explain import import_grad_cam, to_rgb
from mmadf.analysis.explain.evidence import Part
from mmadf.models.classifiers import ADFClassifier
from mmadf.models.classifiers.branch import cut_branch

from .pictures import photograph
from .predictions import WrongImage

APPEARANCE = 'the appearance branch'
FUSED = 'the semantic branch with fusion'
SEMANTIC = 'the semantic branch'
WHOLE = 'the network'


class Pictures(NamedTuple):
    """Data URIs of an image, and of the evidence for its predicted and true class."""

    image: str
    predicted: Optional[str]
    truth: Optional[str]


class Whole(nn.Module):
    """A classifier of a single branch as a `Part`, see there.

    Args:
        model: a classifier of MMPretrain.

    Raises:
        ValueError: the backbone belongs to no known family, or gives no feature map.
    """

    def __init__(self, model: ImageClassifier) -> None:
        super().__init__()
        self.model = model
        self.last_map = nn.Identity()
        self.branch = cut_branch(model.backbone, model.neck, model.head)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits, (N, K), for preprocessed images, (N, 3, H, W)."""
        maps = self.branch.maps(inputs)
        maps[-1] = self.last_map(maps[-1])
        return self.branch.logits(maps)


def explained_part(model: nn.Module) -> Tuple[Optional[nn.Module], str]:
    """Return the part of a network whose evidence is shown, and its name.

    Args:
        model: a classifier in evaluation mode.

    Returns:
        The part that predicts, of an ADF network that adds the logits of both heads
        the semantic branch; or None, and why there is none.
    """
    if isinstance(model, ADFClassifier):
        if model.readout == 'appearance':
            return Part(model, 'appearance'), APPEARANCE
        return Part(model, 'fused'), FUSED if model.mappers else SEMANTIC
    if not isinstance(model, ImageClassifier):
        return None, f'{type(model).__name__} is no ImageClassifier.'
    try:
        return Whole(model).eval(), WHOLE
    except ValueError as error:
        return None, str(error)


def evidence_maps(part: nn.Module, inputs: Tensor, classes: Sequence[int]) -> Tensor:
    """Return Grad-CAM of several classes for one image, (len(classes), h, w), >= 0.

    Args:
        part: see `explained_part`.
        inputs: the preprocessed image, (1, 3, H, W).
        classes: classes to show the evidence for.

    Raises:
        ImportError: captum is missing.
    """
    repeated = inputs.repeat(len(classes), 1, 1, 1)
    maps = import_grad_cam()(part, part.last_map).attribute(
        repeated, target=list(classes), relu_attributions=True
    )
    return maps[:, 0].detach().cpu()


def draw_evidence(
    model: nn.Module, part: Optional[nn.Module], wrong: WrongImage
) -> Pictures:
    """Draw an image, and the evidence for its predicted and its true class.

    Args:
        model: a classifier in evaluation mode.
        part: see `explained_part`; None draws the image alone.
        wrong: an image with a wrong prediction.
    """
    with torch.no_grad():
        batch = model.data_preprocessor(dict(inputs=wrong.inputs[None]))['inputs']
    image = to_rgb(wrong.inputs, batch.shape[-2:])
    if part is None:
        return Pictures(photograph(image), None, None)
    maps = evidence_maps(part, batch, [wrong.predicted, wrong.truth])
    return Pictures(photograph(image), *(photograph(image, values) for values in maps))
