"""Checks before and after an export: usable paths, equal scores."""

from pathlib import Path
from typing import Callable

import torch
from torch import Tensor, nn


def check_paths(checkpoint: str, out: Path, suffix: str) -> None:
    """Check before any work that the checkpoint can be read and the output written.

    Args:
        checkpoint: path, or a URL that MMEngine's loader supports.
        out: file to write.
        suffix: required file extension of `out`.

    Raises:
        FileNotFoundError: the checkpoint or the folder of `out` does not exist.
        ValueError: `out` has another extension, or is a folder.
    """
    if '://' not in str(checkpoint) and not Path(checkpoint).is_file():
        raise FileNotFoundError(f'checkpoint={checkpoint} does not exist.')
    if out.suffix != suffix or out.is_dir():
        raise ValueError(f'out={out} must be the name of a file, *{suffix}.')
    if not out.parent.is_dir():
        raise FileNotFoundError(
            f'out={out}: the folder {out.parent} does not exist; create it.'
        )


def onnx_runner(path: Path) -> Callable[[Tensor], Tensor]:
    """Return a function that runs an ONNX file with ONNX Runtime on the CPU."""
    import onnxruntime

    session = onnxruntime.InferenceSession(
        str(path), providers=['CPUExecutionProvider']
    )
    (image,) = session.get_inputs()
    return lambda x: torch.from_numpy(session.run(None, {image.name: x.numpy()})[0])


def pt2_runner(path: Path) -> nn.Module:
    """Return the module in a file written by `torch.export.save`."""
    return torch.export.load(path).module()


def relative_difference(actual: Tensor, expected: Tensor) -> float:
    """Return max|actual - expected| / max|expected|.

    Args:
        actual: scores, (N, K).
        expected: reference scores, (N, K).

    Returns:
        The ratio; infinity if the shapes differ or a score is not finite.
    """
    if actual.shape != expected.shape:
        return float('inf')
    actual, expected = actual.double(), expected.double()
    scale = expected.abs().max().clamp(min=torch.finfo(torch.double).tiny)
    ratio = (actual - expected).abs().max() / scale
    return ratio.item() if ratio.isfinite() else float('inf')


def relative_spread(scores: Tensor) -> float:
    """Return how much scores, (N, K), vary between N images, relative to the largest.

    A comparison of scores that are the same for all images shows little.
    """
    return relative_difference(scores.mean(0).expand_as(scores), scores)
