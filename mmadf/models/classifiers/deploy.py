"""What can be folded in a deployed ADF classifier."""

from typing import Tuple

from torch import Tensor, nn

from mmadf.models.surgery import fold


def fold_network(classifier: nn.Module) -> None:
    """Fold modules that fold themselves, decoupled layers and batch norms.

    Args:
        classifier: changed in place; its `extract_feat` says how it runs.
    """
    fold(classifier, _run)


def _run(classifier: nn.Module, image: Tensor) -> Tuple[Tensor, ...]:
    """Return the fused maps; heads may be built for another image size."""
    return classifier.extract_feat(image, stage='backbone')
