"""What the images are that a network takes: size, channels, order, normalisation."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import List, Optional, Sequence, Tuple

import mmcv
import numpy as np
import torch
import torch.nn.functional as F
from mmengine.dataset import Compose
from mmengine.registry import DefaultScope
from mmpretrain.models import ClsDataPreprocessor
from mmpretrain.registry import TRANSFORMS
from torch import Tensor, nn

COLOUR = (30, 90, 200)  # blue, green, red: the order in which MMCV writes and reads
PICTURES = ((480, 640), (640, 480))
OTHER = dict(RGB='BGR', BGR='RGB')


@dataclass(frozen=True)
class ImageView:
    """What a test pipeline makes of an image file.

    Args:
        size: height and width; None if they depend on the image.
        order: of the channels, 'RGB' or 'BGR'; None if that is not known, or if the
            pipeline changes pixel values, so that it takes part in the normalisation.
        channels: how many.
        remark: why size or order are not known.
    """

    size: Optional[Tuple[int, int]] = None
    order: Optional[str] = None
    channels: int = 3
    remark: str = ''


def view_through(pipeline: Optional[Sequence[dict]]) -> ImageView:
    """Run a test pipeline on two pictures of one colour and look at the results.

    Args:
        pipeline: configs of its transforms, from the file to `PackInputs`. Without
            any, images are taken to be in MMCV's order, which is BGR.
    """
    if not pipeline:
        return ImageView(order='BGR', remark='the config has no test pipeline')
    try:
        found = _photograph(pipeline)
    except Exception as error:  # a transform may raise anything
        return ImageView(
            remark=f'the test pipeline fails on a picture: {type(error).__name__}: '
            f'{error}'
        )
    size, other = (tuple(image.shape[1:]) for image in found)
    remark = ''
    if size != other:
        size, remark = None, 'the test pipeline gives images of no fixed size'
    order = _order(found[0])
    if order is None and not remark:
        colour = len(found[0]) == 3
        remark = 'the test pipeline changes pixel values' if colour else 'grey images'
    return ImageView(size, order, len(found[0]), remark)


class RawImages(nn.Module):
    """From RGB pixels to what the network takes, as the first step of a graph.

    Ours: images come as `numpy.asarray(PIL.Image)` and OpenCV have them, channels
    last, so that a user needs neither to transpose nor to convert.

    Args:
        data_preprocessor: the classifier's, which swaps channels, normalises and pads.
        order: the one in which it expects the channels, 'RGB' or 'BGR'.
    """

    def __init__(self, data_preprocessor: nn.Module, order: str) -> None:
        super().__init__()
        self.data_preprocessor = data_preprocessor
        self.swapped = dict(RGB=(), BGR=(1,))[order]

    def forward(self, images: Tensor) -> Tensor:
        """Turn pixels, (N, H, W, 3), 0 to 255, into the network's (N, 3, H, W)."""
        images = images.permute(0, 3, 1, 2)  # (N, H, W, 3) -> (N, 3, H, W)
        images = images.flip(self.swapped)
        return self.data_preprocessor(dict(inputs=images))['inputs']


def normalisation(
    data_preprocessor: nn.Module, view: ImageView
) -> Optional[Tuple[str, List[float], List[float]]]:
    """Return order of channels, mean and std of what the network takes.

    Args:
        data_preprocessor: the classifier's.
        view: what the data preprocessor gets.

    Returns:
        'RGB' or 'BGR', and the values in that order, for pixels of 0 to 255; None
        if they are not known, which is so for grey images and data preprocessors
        other than MMPretrain's for classification.
    """
    known = isinstance(data_preprocessor, ClsDataPreprocessor)
    if view.order is None or not known:
        return None
    order = OTHER[view.order] if data_preprocessor.to_rgb else view.order
    mean = getattr(data_preprocessor, 'mean', torch.zeros(3)).flatten().expand(3)
    std = getattr(data_preprocessor, 'std', torch.ones(3)).flatten().expand(3)
    return order, mean.tolist(), std.tolist()


def random_pictures(
    count: int, channels: int, size: Tuple[int, int], seed: int
) -> Tensor:
    """Return coarse random patterns, which differ from each other as pictures do.

    Args:
        count: N.
        channels: C.
        size: H, W.
        seed: of the patterns.

    Returns:
        (N, C, H, W), uint8.
    """
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, channels, 4, 4, generator=generator)
    fine = torch.rand(count, channels, *size, generator=generator)
    shades = F.interpolate(coarse, size, mode='bilinear')
    return (255 * (0.8 * shades + 0.2 * fine)).to(torch.uint8)


def _photograph(pipeline: Sequence[dict]) -> List[Tensor]:
    """Return what the pipeline makes of each of `PICTURES`, (C, H, W) each."""
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        transform = Compose([TRANSFORMS.build(step) for step in pipeline])
    found = []
    with TemporaryDirectory() as folder:
        for shape in PICTURES:
            path = str(Path(folder) / 'picture.png')
            mmcv.imwrite(np.full((*shape, 3), COLOUR, dtype=np.uint8), path)
            found.append(transform(dict(img_path=path))['inputs'])
    if not all(isinstance(image, Tensor) and image.ndim == 3 for image in found):
        raise ValueError('its result is not one image')
    return found


def _order(image: Tensor) -> Optional[str]:
    """Return the order of the channels of a picture of `COLOUR`."""
    _, height, width = image.shape
    pixel = image[:, height // 2, width // 2].double()
    blue_first = torch.tensor(COLOUR, dtype=torch.double)
    for order, expected in (('BGR', blue_first), ('RGB', blue_first.flip(0))):
        # Resampling may round.
        if len(pixel) == 3 and torch.allclose(pixel, expected, atol=1.0, rtol=0):
            return order
    return None
