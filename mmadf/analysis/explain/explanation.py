"""What an ADF network does with one image: what its gates let in, who decides what."""

from functools import partial
from typing import Dict, List, NamedTuple, Sequence, Tuple

import torch
from torch import Tensor, nn

from mmadf.models.classifiers import ADFClassifier

from .evidence import Part, Reading, read

PARTS = ('appearance', 'semantic', 'fused')


class GateView(NamedTuple):
    """What one mapper did with an image.

    `sources` and `target` are the stages that it reads and fuses. `opening`, (C, h, w)
    in (0, 1), is the factor of the appearance map: the gate g of a residual fusion,
    1 - g of a convex one; C is 1 where all channels share a value, h and w are 1 where
    all positions do. `arriving`, (H, W), is the mean over channels of |opening * a|,
    and `joined` the mean of |s|, the semantic map that it joins.
    """

    sources: Tuple[int, ...]
    target: int
    gate: str
    opening: Tensor
    arriving: Tensor
    joined: float

    @property
    def has_places(self) -> bool:
        """Whether positions have a gate value of their own."""
        return self.gate in ('element', 'spatial')


class Explanation(NamedTuple):
    """All that is shown of one image, on the CPU.

    `readings` by part: 'appearance' (absent in a deployed network), 'semantic' (the
    semantic branch without fusion; absent where nothing is fused) and 'fused'. `gates`
    in the order of the classifier's mappers. `scores`, (K,), is what the network
    answers by its own readout.
    """

    readings: Dict[str, Reading]
    gates: List[GateView]
    scores: Tensor


def explain(model: nn.Module, inputs: Tensor) -> Explanation:
    """Look at what an ADF network does with one image.

    Args:
        model: an `ADFClassifier` in evaluation mode, deployed or not.
        inputs: one preprocessed image, (1, 3, H, W), on the model's device.

    Raises:
        TypeError: another classifier.
        ValueError: several images, or a model in training mode.
        ImportError: captum is missing.
    """
    check_model(model)
    if len(inputs) != 1 or model.training:
        raise ValueError(
            f'explain: got {len(inputs)} images and model.training={model.training}; '
            'give one image, (1, 3, H, W), and call model.eval() before.'
        )
    names = [
        name
        for name in PARTS
        if not (name == 'appearance' and model.deployed)
        and not (name == 'semantic' and not len(model.mappers))
    ]
    with torch.no_grad():
        (sample,) = model.predict(inputs)
    return Explanation(
        {name: read(Part(model, name), inputs) for name in names},
        gate_views(model, inputs),
        sample.pred_score.cpu(),
    )


def check_model(model: nn.Module) -> None:
    """Refuse all but ADF classifiers.

    Raises:
        TypeError: another classifier.
    """
    if not isinstance(model, ADFClassifier):
        raise TypeError(
            f'explain: got a {type(model).__name__}, which has no appearance branch '
            'and no gates to look at; give config and checkpoint of an ADFClassifier.'
        )


@torch.no_grad()
def gate_views(model: ADFClassifier, inputs: Tensor) -> List[GateView]:
    """Return what every mapper lets in, in the order of `model.mappers`.

    Args:
        model: a classifier in evaluation mode.
        inputs: one preprocessed image, (1, 3, H, W).
    """
    seen: Dict[int, GateView] = {}

    def _look(index: int, gate: nn.Module, maps: Sequence[Tensor], g: Tensor) -> None:
        mapper, path = model.mappers[index], model.mappers.routes[index]
        s, a = maps
        opening = g if mapper.fusion == 'residual' else 1 - g
        seen[index] = GateView(
            *path,
            mapper.gate_name,
            opening[0].cpu(),
            (opening * a)[0].abs().mean(0).cpu(),
            float(s.abs().mean()),
        )

    hooks = [
        mapper.gate.register_forward_hook(partial(_look, index))
        for index, mapper in enumerate(model.mappers)
    ]
    try:
        model.fused_maps(inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return [seen[index] for index in range(len(model.mappers))]
