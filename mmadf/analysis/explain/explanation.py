"""What an ADF network does with one image: predictions, evidence and gates."""

from functools import partial
from typing import Any, Dict, List, NamedTuple, Tuple

import torch
from torch import Tensor, nn

from mmadf.models.classifiers import ADFClassifier

from .evidence import Evidence, Part, find_evidence


class GateView(NamedTuple):
    """What the gate of one mapper does with an image.

    Stages `sources` are fused into stage `target`. `weight`, (C, h, w) in (0, 1), is
    the factor of the appearance features: the gate g of a residual fusion, 1 - g of a
    convex one. C is 1 for gates shared by all channels, h and w are 1 for gates shared
    by all positions. `gated`, (H, W), is the mean over channels of |weight * a|, and
    `semantic` the mean of |s| over the semantic feature map.
    """

    sources: Tuple[int, ...]
    target: int
    gate: str
    weight: Tensor
    gated: Tensor
    semantic: float

    @property
    def is_spatial(self) -> bool:
        """Whether the gate has a value for each position."""
        return self.gate in ('element', 'spatial')


class Explanation(NamedTuple):
    """Everything that is shown of one image, on the CPU.

    `evidence` by part: 'appearance' (absent in a deployed network), 'semantic' (without
    fusion; absent in a network without mappers) and 'fused'. `gates` are in the order
    of the classifier's mappers. `scores`, (K,), is the network's own prediction.
    """

    evidence: Dict[str, Evidence]
    gates: List[GateView]
    scores: Tensor


def explain(model: nn.Module, inputs: Tensor) -> Explanation:
    """Explain what an ADF network does with one image.

    Args:
        model: an `ADFClassifier` in evaluation mode, deployed or not.
        inputs: one preprocessed image, (1, 3, H, W), on the model's device.

    Raises:
        TypeError: the model is another classifier.
        ValueError: several images, or a model in training mode.
        ImportError: captum is missing.
    """
    check_model(model)
    if len(inputs) != 1 or model.training:
        raise ValueError(
            f'explain: got {len(inputs)} images and model.training={model.training}; '
            'give one image, (1, 3, H, W), and call model.eval() first.'
        )
    absent = dict(appearance=model.deployed, semantic=not model.mappers, fused=False)
    parts = [name for name in absent if not absent[name]]
    with torch.no_grad():
        (sample,) = model.predict(inputs)
    return Explanation(
        {name: find_evidence(Part(model, name), inputs) for name in parts},
        view_gates(model, inputs),
        sample.pred_score.cpu(),
    )


def check_model(model: nn.Module) -> None:
    """Refuse classifiers other than ADF.

    Raises:
        TypeError: the model is another classifier.
    """
    if not isinstance(model, ADFClassifier):
        raise TypeError(
            f'explain: model={type(model).__name__} has no appearance branch and no '
            'gates; give config and checkpoint of an ADFClassifier.'
        )


@torch.no_grad()
def view_gates(model: ADFClassifier, inputs: Tensor) -> List[GateView]:
    """Return what the gate of every mapper does, in the order of `model.mappers`.

    Args:
        model: a classifier in evaluation mode.
        inputs: one preprocessed image, (1, 3, H, W).
    """
    views: Dict[int, GateView] = {}

    def _view(index: int, _: nn.Module, maps: Tuple[Tensor, ...], g: Tensor) -> None:
        mapper, (s, a) = model.mappers[index], maps
        weight = g if mapper.fusion == 'residual' else 1 - g
        gated = (weight * a)[0].abs().mean(0)
        shown: List[Any] = [weight[0].cpu(), gated.cpu(), float(s.abs().mean())]
        views[index] = GateView(*model.mappers.routes[index], mapper.gate_name, *shown)

    hooks = [
        mapper.gate.register_forward_hook(partial(_view, index))
        for index, mapper in enumerate(model.mappers)
    ]
    try:
        model.fused_maps(inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return [views[index] for index in range(len(model.mappers))]
