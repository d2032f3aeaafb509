"""How much appearance an ADF network mixes into its semantic features."""

from contextlib import contextmanager
from typing import Iterator, Sequence

import torch
from torch import Tensor

from mmadf.models.classifiers import ADFClassifier
from mmadf.models.fusion import Mapper


@contextmanager
def scaled_appearance(model: ADFClassifier, factor: float) -> Iterator[None]:
    """Multiply the weight that the gates give to appearance features by a factor.

    A mapper turns the semantic features s into the fused features f, and this context
    turns f into s + factor * (f - s). With residual fusion that is s + factor * g * a;
    with convex fusion the weight 1 - g of the appearance features is multiplied. Factor
    1 is the network as it was trained, 0 the network with its mappers skipped; both are
    exact.

    Args:
        model: a classifier, deployed or not.
        factor: >= 0; values above 1 extrapolate.
    """

    def _scale(_: Mapper, maps: Sequence[Tensor], fused: Tensor) -> Tensor:
        return torch.lerp(maps[1], fused, factor)  # exact for 0 and 1

    hooks = [mapper.register_forward_hook(_scale) for mapper in model.mappers]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
