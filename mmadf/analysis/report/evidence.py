"""Wrong predictions with their evidence: Grad-CAM, as pictures to inline in a page."""

from typing import NamedTuple, Optional, Tuple

from mmpretrain.models import ImageClassifier
from torch import nn

from mmadf.analysis.explain import to_batch, to_rgb
from mmadf.analysis.explain.evidence import Part, grad_cam
from mmadf.analysis.explain.pictures import (
    EVIDENCE_MAP,
    darkened_grey,
    heat_map,
    picture_uri,
    resize,
)
from mmadf.models.classifiers import ADFClassifier

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


def explained_part(model: nn.Module) -> Tuple[Optional[Part], str]:
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
        return Part(model, 'whole'), WHOLE
    except ValueError as error:
        return None, str(error)


def draw_evidence(
    model: nn.Module, part: Optional[Part], wrong: WrongImage, is_bgr: bool
) -> Pictures:
    """Draw an image, and the evidence for its predicted and its true class.

    Args:
        model: a classifier in evaluation mode.
        part: see `explained_part`; None draws the image alone.
        wrong: an image with a wrong prediction.
        is_bgr: whether its channels are BGR or RGB.
    """
    batch = to_batch(model, wrong.inputs)
    image = to_rgb(wrong.inputs, batch.shape[-2:], is_bgr)
    shown = picture_uri(resize(image))
    if part is None:
        return Pictures(shown, None, None)
    grey = darkened_grey(image)
    maps = (
        heat_map(grey, cam, EVIDENCE_MAP, (0, float(cam.max())))
        for cam in grad_cam(part, batch, [wrong.predicted, wrong.truth])
    )
    return Pictures(shown, *map(picture_uri, maps))
