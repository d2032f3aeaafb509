"""Checks before and after an export: a usable path, equal scores."""

from pathlib import Path

import torch
from torch import Tensor

from mmadf.utils.command_line import check_writable


class DeploymentError(RuntimeError):
    """A network that cannot be exported, or written files that give other scores."""


def check_out(out: Path, suffix: str) -> None:
    """Check that a file can be written, before any work.

    Args:
        out: file to write.
        suffix: required file extension of `out`.

    Raises:
        FileNotFoundError: the folder of `out` does not exist.
        ValueError: `out` has another extension, or is a folder.
        OSError: the folder cannot be written.
    """
    if out.suffix != suffix or out.is_dir():
        raise ValueError(f'out={out} must be the name of a file, *{suffix}.')
    if not out.parent.is_dir():
        raise FileNotFoundError(
            f'out={out}: the folder {out.parent} does not exist; create it.'
        )
    check_writable(out.parent)


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
