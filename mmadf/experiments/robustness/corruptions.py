"""Common corruptions of images, by imagecorruptions-imaug.

Paper: Hendrycks and Dietterich, "Benchmarking Neural Network Robustness to Common
Corruptions and Perturbations", ICLR 2019, arXiv 1903.12261: fifteen corruptions at five
severities, designed for ImageNet at 224 pixels. Most are more severe on small images.
"""

from inspect import signature
from typing import List, Sequence

import numpy as np
import torch
from torch import Tensor

from mmadf.utils.optional import import_optional

SEVERITIES = (1, 2, 3, 4, 5)
MIN_SIZE = 32


def select_corruptions(names: Sequence[str]) -> List[str]:
    """Return the corruptions that a user has selected.

    Args:
        names: 'all', the fifteen of the paper; 'none'; or names, which may include the
            four additional corruptions that the paper keeps for validation.

    Raises:
        ValueError: a name is unknown.
        ImportError: imagecorruptions-imaug is not installed.
    """
    if list(names) == ['none']:
        return []
    package = import_optional('imagecorruptions')
    if list(names) == ['all']:
        return package.get_corruption_names('common')
    known = package.get_corruption_names('all')
    if unknown := [name for name in names if name not in known]:
        raise ValueError(f"corruptions={unknown} must be 'all', 'none' or of {known}.")
    return list(names)


def corrupt(
    images: Tensor, name: str, severity: int, seed: int, bgr: bool = False
) -> Tensor:
    """Return corrupted images.

    Args:
        images: uint8, (N, 3, H, W), of at least 32x32 pixels.
        name: see `select_corruptions`.
        severity: 1 to 5.
        seed: random seed.
        bgr: whether the channels are in the order blue, green, red.

    Returns:
        uint8, (N, 3, H, W).
    """
    package = import_optional('imagecorruptions')
    # Most corruptions use NumPy's global random state, two have a seed of their own.
    np.random.seed(seed)
    seeded = 'seed' in signature(package.corruption_dict[name]).parameters
    pixels = images.flip(1) if bgr else images
    corrupted = [
        package.corrupt(
            np.ascontiguousarray(image.permute(1, 2, 0).numpy()),
            severity=severity,
            corruption_name=name,
            **(dict(seed=seed + index) if seeded else {}),
        )
        for index, image in enumerate(pixels)
    ]
    result = torch.from_numpy(np.stack(corrupted)).permute(0, 3, 1, 2)
    return (result.flip(1) if bgr else result).contiguous()
