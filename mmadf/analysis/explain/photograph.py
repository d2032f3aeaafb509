"""The photograph of an image file, and the part of it that the network receives."""

from pathlib import Path
from typing import NamedTuple, Optional, Sequence, Tuple

import mmcv
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from .images import Pipeline

Box = Tuple[int, int, int, int]
LEVELS = 255  # of the ramp that passes the pipeline
TOLERANCE = 4  # levels by which a resized ramp may deviate from a straight line


class Photograph(NamedTuple):
    """An image to show.

    `pixels`, (H, W, 3), RGB, uint8, have the resolution of the file; `seen` is the part
    that the network receives: left, top, right and bottom. It may exceed the image
    where the input is padded.
    """

    pixels: np.ndarray
    seen: Box

    @property
    def whole(self) -> bool:
        """Whether the network receives the whole image, but for a hundredth."""
        height, width = self.pixels.shape[:2]
        left, top, right, bottom = self.seen
        return (
            max(left, width - right) <= 0.01 * width
            and max(top, height - bottom) <= 0.01 * height
        )

    def part(self) -> np.ndarray:
        """Return the part that the network receives; what is padded is black."""
        height, width = self.pixels.shape[:2]
        left, top, right, bottom = self.seen
        outside = (
            max(-top, 0),
            max(bottom - height, 0),
            max(-left, 0),
            max(right - width, 0),
        )
        padded = np.pad(self.pixels, (outside[:2], outside[2:], (0, 0)))
        top, left = top + outside[0], left + outside[2]
        return padded[top : bottom + outside[0], left : right + outside[2]]


def take_photograph(
    path: Path, pipeline: Pipeline, inputs: Tensor, size: Sequence[int]
) -> Photograph:
    """Return the photograph of an image file.

    Args:
        path: an image file that `read_image` has read.
        pipeline: see `build_pipeline`.
        inputs: what the pipeline makes of the file, (C, h, w).
        size: H and W of the network's input, which is padded below and to the right.

    Returns:
        The image as it is in the file, or, if the pipeline does more than resizing,
        cropping and padding, as the network receives it.
    """
    pixels = mmcv.imread(str(path), backend=pipeline.backend)[..., ::-1]
    seen = seen_part(pipeline, pixels.shape[:2], size)
    if seen is None:
        pixels = to_rgb(inputs, size, pipeline.is_bgr)
        seen = 0, 0, size[1], size[0]
    return Photograph(np.ascontiguousarray(pixels), seen)


def seen_part(
    pipeline: Pipeline, shape: Sequence[int], size: Sequence[int]
) -> Optional[Box]:
    """Return which part of an image a pipeline passes on, None if that is unknown.

    A ramp, whose values are the positions, passes the pipeline after the step that
    reads the file. Straight lines through its values tell where the edges come from.

    Args:
        pipeline: see `build_pipeline`.
        shape: height and width of the image.
        size: height and width of the network's input.
    """
    height, width = shape
    ramp = np.zeros((height, width, 3), np.uint8)
    ramp[..., 0] = np.rint((np.arange(width) + 0.5) / width * LEVELS)
    ramp[..., 1] = np.rint((np.arange(height) + 0.5) / height * LEVELS)[:, None]
    results = dict(img=ramp, img_shape=(height, width), ori_shape=(height, width))
    for step in pipeline.transform.transforms[1:]:
        results = step(results)
    found = results['inputs']
    if found.ndim != 3 or len(found) != 3 or min(found.shape[1:]) < 2:
        return None
    columns = _edges(found[0 if pipeline.is_bgr else 2].float(), size[1], width)
    rows = _edges(found[1].float().T, size[0], height)
    if columns is None or rows is None:
        return None
    return columns[0], rows[0], columns[1], rows[1]


def _edges(values: Tensor, count: int, length: int) -> Optional[Tuple[int, int]]:
    """Return where the first and the last of `count` columns begin and end.

    Args:
        values: ramp after the pipeline, (h, w), from 0 to `LEVELS` along w.
        count: columns of the network's input, at least w.
        length: columns of the image.
    """
    steps = np.arange(values.shape[1])
    slope, start = np.polyfit(steps, values.mean(0).numpy(), 1)
    line = torch.from_numpy(slope * steps + start)
    if slope <= 0 or (values - line).abs().max() > TOLERANCE:
        return None
    ends = ((slope * np.array([-0.5, count - 0.5]) + start) / LEVELS * length).round()
    return (int(ends[0]), int(ends[1])) if ends[1] - ends[0] >= 1 else None


def to_rgb(inputs: Tensor, size: Sequence[int], is_bgr: bool) -> np.ndarray:
    """Return the output of a pipeline as an image to show, (H, W, 3), uint8.

    Args:
        inputs: (3, h, w), or (1, h, w), grey; values other than uint8 are stretched to
            the full range.
        size: H and W of the network's input, which is padded below and to the right.
        is_bgr: whether the channels are BGR or RGB.
    """
    image = inputs.float()
    if inputs.dtype != torch.uint8:
        image = image - image.min()
        image = 255 * image / image.max().clamp(min=1e-9)
    height, width = image.shape[-2:]
    padded = F.pad(image, (0, size[1] - width, 0, size[0] - height))
    rgb = padded.flip(0) if is_bgr else padded
    return rgb.expand(3, -1, -1).permute(1, 2, 0).byte().numpy()
