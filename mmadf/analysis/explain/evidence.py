"""Predictions of the parts of a network, and Grad-CAM evidence for them."""

from contextlib import suppress
from typing import Dict, List, NamedTuple, Optional, Sequence, Union

import torch
from mmpretrain.models import ImageClassifier
from torch import Tensor, nn

from mmadf.models.classifiers import ADFClassifier
from mmadf.models.classifiers.branch import Branch, cut_branch
from mmadf.models.classifiers.checks import classifies_inside
from mmadf.models.stages import stages_of
from mmadf.models.stages.shapes import run_without_data, usable_size
from mmadf.utils.optional import import_optional

# By part, see `parts_of`.
TITLES = dict(
    appearance='Appearance branch',
    semantic='Semantic branch without fusion',
    fused='Semantic branch with fusion',
    whole='The network',
)


class Evidence(NamedTuple):
    """What a part of a network predicts, and why.

    `scores`, (K,), are class probabilities; `cam`, (h, w), Grad-CAM of the most
    probable class; `true_cam` that of the true class if it is another one, else None.
    """

    scores: Tensor
    cam: Tensor
    true_cam: Optional[Tensor] = None


class Part(nn.Module):
    """A part of a network that classifies on its own, from images to logits.

    The last feature map passes through the module `last_map`, where Grad-CAM reads it.
    It is that of the last stage if the family of the backbone is known, and the last
    output of other backbones.

    Args:
        model: an ADF classifier, or another `ImageClassifier`.
        name: 'appearance', 'semantic' (without fusion) or 'fused' (semantic) of an ADF
            classifier, 'whole' of another one.

    Raises:
        ValueError: there is no feature map before a head that classifies.
    """

    def __init__(self, model: ImageClassifier, name: str) -> None:
        super().__init__()
        self.model = model
        self.last_map = nn.Identity()
        if name == 'whole':
            self.branch = _cut_whole(model)
        else:
            self.branch = model.appearance if name == 'appearance' else model.semantic
        self.maps = model.fused_maps if name == 'fused' else self.branch.maps

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits, (N, K), for preprocessed images, (N, 3, H, W)."""
        maps = self.maps(inputs)
        maps[-1] = self.last_map(maps[-1])
        return self.branch.logits(maps)


class WholeBranch(NamedTuple):
    """A classifier whose backbone runs as a whole, with the methods of a `Branch`."""

    backbone: nn.Module
    neck: Optional[nn.Module]
    head: nn.Module

    def maps(self, inputs: Tensor) -> List[Tensor]:
        """Return the outputs of the backbone."""
        return list(self.backbone(inputs))

    def logits(self, maps: Sequence[Tensor]) -> Tensor:
        """Return the logits, (N, K), for the outputs of the backbone."""
        outputs = tuple(maps)
        return self.head(outputs if self.neck is None else self.neck(outputs))


def _cut_whole(model: ImageClassifier) -> Union[Branch, WholeBranch]:
    """Return a classifier other than ADF as one branch, whose head gives the logits."""
    backbone, neck = model.backbone, model.neck if model.with_neck else None
    if not hasattr(model.head, '_get_predictions'):
        raise ValueError(
            f'explain: {type(model.head).__name__} does not classify by one set of '
            'logits; give a network with a head such as LinearClsHead.'
        )
    try:
        stages = stages_of(backbone)
    except ValueError:  # of no known family
        return _check_map(WholeBranch(backbone, neck, model.head))
    if classifies_inside(neck, model.head, stages):
        raise ValueError(
            f'explain: {type(backbone).__name__} classifies inside its backbone '
            f'and {type(model.head).__name__} only reads the logits: there is no '
            'feature map before a head to explain; give a network whose head '
            'classifies, such as LinearClsHead after GlobalAveragePooling.'
        )
    return cut_branch(backbone, neck)._replace(head=model.head)


def _check_map(branch: WholeBranch) -> WholeBranch:
    """Require a backbone whose last output is a feature map, (N, C, H, W)."""
    outputs = None
    with suppress(Exception):  # a backbone that does not run without data
        size = usable_size(branch.backbone, nn.Module.__call__)
        outputs = run_without_data(branch.backbone, nn.Module.__call__, size)
    last = outputs[-1] if isinstance(outputs, (tuple, list)) else None
    if not isinstance(last, Tensor) or last.dim() != 4:
        raise ValueError(
            f'explain: {type(branch.backbone).__name__} returns no feature map, (N, C, '
            'H, W), as its last output, and Grad-CAM needs positions; set an option of '
            "the backbone that returns one, such as out_type='featmap'."
        )
    return branch


def parts_of(model: nn.Module) -> Dict[str, Part]:
    """Return the parts of a classifier, each of which makes a prediction.

    Args:
        model: an `ADFClassifier`, which has the parts 'appearance' (unless deployed),
            'semantic' (without fusion; only with mappers) and 'fused'; or another
            `ImageClassifier`, which has the part 'whole'.

    Raises:
        TypeError: the model is no `ImageClassifier`.
        ValueError: there is no feature map before a head that classifies.
    """
    if not isinstance(model, ImageClassifier):
        raise TypeError(
            f'explain: model={type(model).__name__} is not supported; give config and '
            "checkpoint of an ADFClassifier or of MMPretrain's ImageClassifier."
        )
    names = ['whole']
    if isinstance(model, ADFClassifier):
        names = [] if model.deployed else ['appearance']
        names += ['semantic', 'fused'] if model.mappers else ['fused']
    return {name: Part(model, name) for name in names}


def is_explainable(model: nn.Module) -> bool:
    """Return whether a network has parts to explain, see `parts_of`."""
    try:
        return bool(parts_of(model))
    except (TypeError, ValueError):
        return False


def find_evidence(part: Part, inputs: Tensor, truth: Optional[int] = None) -> Evidence:
    """Return the probabilities of a part, and Grad-CAM of what it predicts.

    Args:
        part: in evaluation mode.
        inputs: one preprocessed image, (1, 3, H, W).
        truth: index of the true class, None if it is unknown.

    Raises:
        ImportError: captum is missing.
    """
    with torch.no_grad():
        (sample,) = part.branch.head._get_predictions(part(inputs), None)
    predicted = int(sample.pred_score.argmax())
    classes = [predicted] if truth in (None, predicted) else [predicted, truth]
    return Evidence(sample.pred_score.cpu(), *grad_cam(part, inputs, classes))


def grad_cam(part: Part, inputs: Tensor, classes: Sequence[int]) -> Tensor:
    """Return Grad-CAM of several classes for one image, (len(classes), h, w), >= 0.

    Grad-CAM (arXiv 1610.02391) sums the channels of the last feature map, weighted by
    the mean gradient of the logit over positions, and clips negative values. Captum
    computes it.

    Args:
        part: in evaluation mode.
        inputs: one preprocessed image, (1, 3, H, W).
        classes: indices of the classes to show the evidence for.

    Raises:
        ImportError: captum is missing.
    """
    maps = import_grad_cam()(part, part.last_map).attribute(
        inputs.repeat(len(classes), 1, 1, 1),
        target=list(classes),
        relu_attributions=True,
    )
    return maps[:, 0].detach().cpu()


def import_grad_cam() -> type:
    """Return captum's `LayerGradCam`.

    Raises:
        ImportError: captum is missing.
    """
    return import_optional('captum.attr').LayerGradCam
