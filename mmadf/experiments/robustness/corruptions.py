"""Common corruptions of images, by imagecorruptions-imaug.

Paper: Hendrycks and Dietterich, "Benchmarking Neural Network Robustness to Common
Corruptions and Perturbations", ICLR 2019, arXiv 1903.12261: fifteen corruptions at five
severities, made for ImageNet at 224 pixels. On small images most are harsher.
"""

from inspect import signature
from types import ModuleType
from typing import List, Sequence

import numpy as np
import torch
from torch import Tensor

SEVERITIES = (1, 2, 3, 4, 5)
SMALLEST = 32


def corruption_names(extra: bool = False) -> List[str]:
    """Return the names of the fifteen corruptions.

    Args:
        extra: four more, which the paper keeps for validation.
    """
    return _package().get_corruption_names('all' if extra else 'common')


def chosen_corruptions(names: Sequence[str]) -> List[str]:
    """Return the corruptions that are meant, the fifteen for 'all', none for 'none'.

    Args:
        names: of corruptions, or one of these words alone.
    """
    if list(names) == ['all']:
        return corruption_names()
    return [] if list(names) == ['none'] else list(names)


def corrupt(
    images: Tensor, name: str, severity: int, seed: int, bgr: bool = False
) -> Tensor:
    """Return corrupted images.

    Args:
        images: (N, 3, H, W), uint8, of 32 pixels and more.
        name: see `corruption_names`.
        severity: 1 to 5.
        seed: of what is random in them.
        bgr: whether blue comes first.

    Returns:
        (N, 3, H, W), uint8.

    Raises:
        ValueError: an unknown corruption or severity, or too small an image.
        ImportError: the package is missing.
    """
    package = _package()
    if name not in package.corruption_dict or severity not in SEVERITIES:
        raise ValueError(
            f'corruption {name!r} at severity {severity}: give one of '
            f'{corruption_names(extra=True)}, at one of {SEVERITIES}.'
        )
    if min(images.shape[-2:]) < SMALLEST:
        raise ValueError(
            f'corruptions need images of {SMALLEST}x{SMALLEST} pixels or more, got '
            f'{tuple(images.shape[-2:])}; leave them out (--corruptions none).'
        )
    # Most draw from NumPy's global state, two from a seed of their own.
    np.random.seed(seed)
    own = 'seed' in signature(package.corruption_dict[name]).parameters
    pixels = images.flip(1) if bgr else images
    found = [
        package.corrupt(
            np.ascontiguousarray(image.permute(1, 2, 0).numpy()),
            severity=int(severity),
            corruption_name=name,
            **(dict(seed=seed + index) if own else {}),
        )
        for index, image in enumerate(pixels)
    ]
    result = torch.from_numpy(np.stack(found)).permute(0, 3, 1, 2)
    return (result.flip(1) if bgr else result).contiguous()


def _package() -> ModuleType:
    try:
        import imagecorruptions
    except ImportError as error:
        raise ImportError(
            'the corruptions are those of imagecorruptions-imaug: pip install '
            'imagecorruptions-imaug'
        ) from error
    return imagecorruptions
