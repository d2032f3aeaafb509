"""Does an exported file compute what the network computes?"""

from pathlib import Path
from typing import Callable, Iterable

import torch
from torch import Tensor, nn


def onnx_runner(path: Path) -> Callable[[Tensor], Tensor]:
    """Return a function that runs an ONNX file with ONNX Runtime on the CPU."""
    import onnxruntime

    session = onnxruntime.InferenceSession(
        str(path), providers=['CPUExecutionProvider']
    )
    (name,) = [entry.name for entry in session.get_inputs()]

    def run(images: Tensor) -> Tensor:
        """Return what the file gives for a batch."""
        (found,) = session.run(None, {name: images.numpy()})
        return torch.from_numpy(found)

    return run


def pt2_runner(path: Path) -> Callable[[Tensor], Tensor]:
    """Return a function that runs a file of `torch.export.save`."""
    return torch.export.load(path).module()


@torch.no_grad()
def largest_difference(
    network: nn.Module, run: Callable[[Tensor], Tensor], batches: Iterable[Tensor]
) -> float:
    """Compare a file with the network on several batches.

    Args:
        network: computes what is right.
        run: computes the same by other means.
        batches: inputs.

    Returns:
        The largest `relative_difference`.
    """
    return max(relative_difference(network(x), run(x)) for x in batches)


@torch.no_grad()
def spread(network: nn.Module, images: Tensor) -> float:
    """Return how far scores change between images, as a part of the largest score.

    Args:
        network: gives scores.
        images: at least two inputs.
    """
    scores = network(images)
    return relative_difference(scores.mean(0).expand_as(scores), scores)


def relative_difference(expected: Tensor, found: Tensor) -> float:
    """Return the largest difference, as a part of the largest expected value.

    Args:
        expected: scores, (N, K).
        found: scores to compare with them.

    Returns:
        max|found - expected| / max|expected|; infinite for another shape and where
        one of them is not finite, since nothing can be said there.
    """
    if found.shape != expected.shape:
        return float('inf')
    expected, found = expected.double(), found.double()
    if not (expected.isfinite().all() and found.isfinite().all()):
        return float('inf')
    difference, scale = (found - expected).abs().max(), expected.abs().max()
    return 0.0 if difference == 0 else (difference / scale).item()
