"""What a network does with one image: predictions, evidence and gates."""

from typing import Dict, List, NamedTuple, Optional, Tuple

import torch
from torch import Tensor, nn

from mmadf.models.classifiers import ADFClassifier
from mmadf.models.fusion import Mapper

from .evidence import Evidence, find_evidence, parts_of


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
    def route(self) -> str:
        """Which stages are fused, in words."""
        plural = 's' if len(self.sources) > 1 else ''
        stages = ' and '.join(map(str, self.sources))
        return f'appearance stage{plural} {stages} into semantic stage {self.target}'

    @property
    def relative(self) -> Tensor:
        """Magnitude of the gated features as a share of the semantic ones, (H, W)."""
        return self.gated.float() / max(self.semantic, 1e-12)


class Explanation(NamedTuple):
    """Everything that is shown of one image, on the CPU.

    `evidence` by part, see `parts_of`. `gates` are in the order of the mappers of an
    ADF network, [] for others. `scores`, (K,), is the network's own prediction.
    """

    evidence: Dict[str, Evidence]
    gates: List[GateView]
    scores: Tensor


def explain(
    model: nn.Module, inputs: Tensor, truth: Optional[int] = None
) -> Explanation:
    """Explain what a network does with one image.

    Args:
        model: a classifier in evaluation mode, see `parts_of`, deployed or not.
        inputs: one preprocessed image, (1, 3, H, W), on the model's device.
        truth: index of the true class, None if it is unknown.

    Raises:
        TypeError: the model is another classifier.
        ValueError: several images, a model in training mode, or an unknown backbone.
        ImportError: captum is missing.
    """
    parts = parts_of(model)
    if len(inputs) != 1 or model.training:
        raise ValueError(
            f'explain: got {len(inputs)} images and model.training={model.training}; '
            'give one image, (1, 3, H, W), and call model.eval() first.'
        )
    with torch.no_grad():
        (sample,) = model.predict(inputs)
    return Explanation(
        {name: find_evidence(part, inputs, truth) for name, part in parts.items()},
        view_gates(model, inputs),
        sample.pred_score.cpu(),
    )


@torch.no_grad()
def view_gates(model: nn.Module, inputs: Tensor) -> List[GateView]:
    """Return what the gate of every mapper does, in the order of `model.mappers`.

    Args:
        model: a classifier in evaluation mode; one without mappers gives [].
        inputs: one preprocessed image, (1, 3, H, W).
    """
    if not isinstance(model, ADFClassifier):
        return []
    calls: Dict[nn.Module, Tuple[Tensor, ...]] = {}

    def _record(gate: nn.Module, maps: Tuple[Tensor, ...], g: Tensor) -> None:
        calls[gate] = (*maps, g)

    hooks = [mapper.gate.register_forward_hook(_record) for mapper in model.mappers]
    try:
        model.fused_maps(inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return [
        _view_gate(mapper, *route, *calls[mapper.gate])
        for mapper, route in zip(model.mappers, model.mappers.routes, strict=True)
    ]


def _view_gate(
    mapper: Mapper,
    sources: Tuple[int, ...],
    target: int,
    semantic: Tensor,
    appearance: Tensor,
    gate: Tensor,
) -> GateView:
    """Return what a gate, evaluated for two feature maps, does with them."""
    weight = gate if mapper.fusion == 'residual' else 1 - gate
    gated = (weight * appearance)[0].abs().mean(0)
    return GateView(
        sources=sources,
        target=target,
        gate=mapper.gate_name,
        weight=weight[0].cpu(),
        gated=gated.cpu(),
        semantic=float(semantic.abs().mean()),
    )
