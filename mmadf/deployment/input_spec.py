"""What a test pipeline feeds a network: image size, channels and normalisation."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import mmcv
import numpy as np
import torch
from mmengine.dataset import Compose
from mmengine.registry import DefaultScope
from mmpretrain.models import ClsDataPreprocessor
from mmpretrain.registry import TRANSFORMS
from torch import Tensor, nn

from mmadf.models.stages.shapes import usable_size

COLOUR = (30, 90, 200)  # blue, green, red: MMCV reads and writes BGR
PROBES = ((480, 640), (640, 480))  # sizes of the images that probe a pipeline
NO_FILES = 'the test pipeline reads no image files'
FLIPPED = dict(RGB='BGR', BGR='RGB')


def image_size(spec: 'InputSpec', network: nn.Module) -> Tuple[int, int]:
    """Return height and width of the images that a network gets.

    Args:
        spec: images of its test pipeline; if their size varies, or is that of the
            stored images, a size is returned on which the network runs.
        network: a classifier, or another network that `network(images)` runs.
    """
    return spec.size or (usable_size(network, nn.Module.__call__),) * 2


class InputSpec(NamedTuple):
    """Images as a test pipeline returns them.

    `size` is height and width, None if they depend on the image. `order` of the
    channels is 'RGB' or 'BGR', None if it is unknown or if the pipeline changes pixel
    values and so takes part in the normalisation. `remark` says why something is
    unknown. `is_bgr` says whether images are BGR, also if the pipeline normalises them;
    it is assumed if that is unknown, as MMCV reads BGR.
    """

    size: Optional[Tuple[int, int]] = None
    order: Optional[str] = None
    channels: int = 3
    remark: str = ''
    is_bgr: bool = True


def infer_input_spec(pipeline: Optional[Sequence[dict]]) -> InputSpec:
    """Run a test pipeline on two images of one colour and inspect the results.

    Args:
        pipeline: configs of its transforms, from the file to `PackInputs`. Without a
            pipeline, images are assumed to be BGR, the order of MMCV.
    """
    if not pipeline:
        return InputSpec(order='BGR', remark='the config has no test pipeline')
    try:
        probes = _run(pipeline)
    except Exception as error:  # a transform may raise anything
        if not any('Load' in str(step['type']) for step in pipeline):
            return InputSpec(remark=NO_FILES)
        reason = f'{type(error).__name__}: {error}'
        return InputSpec(remark=f'the test pipeline fails on an image: {reason}')
    size, other = (tuple(image.shape[1:]) for image in probes)
    pixel = _centre(probes[0])
    order, channels, remark = _order(pixel), len(pixel), ''
    if size != other:
        size, remark = None, 'the test pipeline returns images of no fixed size'
    elif order is None:
        changed = 'the test pipeline changes pixel values'
        remark = changed if channels == 3 else 'the images are grey'
    is_bgr = pixel[0] <= pixel[-1]  # as in COLOUR; normalisation keeps the larger one
    return InputSpec(size, order, channels, remark, is_bgr)


def yields_bgr(
    pipeline: Optional[Sequence[dict]], data_preprocessor: nn.Module
) -> bool:
    """Return whether a test pipeline yields BGR images.

    Without image files to run the pipeline on, as for CIFAR, it is assumed to yield BGR
    images if the data preprocessor converts them.

    Args:
        pipeline: see `infer_input_spec`.
        data_preprocessor: of the classifier.
    """
    spec = infer_input_spec(pipeline)
    if spec.remark == NO_FILES:
        return bool(getattr(data_preprocessor, 'to_rgb', False))
    return spec.is_bgr


def normalisation(data_preprocessor: nn.Module, spec: InputSpec) -> Dict[str, Any]:
    """Return how images are normalised before the network.

    Args:
        data_preprocessor: of the classifier.
        spec: what the data preprocessor receives.

    Returns:
        `channel_order`, 'RGB' or 'BGR', and in that order `mean` and `std`, for pixels
        of 0 to 255. Empty if this is unknown: for grey images, pipelines that change
        pixel values, and data preprocessors other than `ClsDataPreprocessor`.
    """
    if spec.order is None or not isinstance(data_preprocessor, ClsDataPreprocessor):
        return {}
    order = FLIPPED[spec.order] if data_preprocessor.to_rgb else spec.order
    mean = getattr(data_preprocessor, 'mean', torch.zeros(3)).flatten().expand(3)
    std = getattr(data_preprocessor, 'std', torch.ones(3)).flatten().expand(3)
    return dict(channel_order=order, mean=mean.tolist(), std=std.tolist())


def _run(pipeline: Sequence[dict]) -> List[Tensor]:
    """Return what the pipeline makes of each of `PROBES`, (C, H, W) each."""
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        transform = Compose([TRANSFORMS.build(step) for step in pipeline])
    images = []
    with TemporaryDirectory() as folder:
        path = str(Path(folder) / 'probe.png')
        for shape in PROBES:
            mmcv.imwrite(np.full((*shape, 3), COLOUR, dtype=np.uint8), path)
            images.append(transform(dict(img_path=path))['inputs'])
    if not all(isinstance(image, Tensor) and image.ndim == 3 for image in images):
        raise ValueError('it does not return one image')
    return images


def _centre(image: Tensor) -> List[float]:
    """Return the pixel in the middle of an image, (C, H, W)."""
    return image[:, image.shape[1] // 2, image.shape[2] // 2].tolist()


def _order(pixel: List[float]) -> Optional[str]:
    """Return the channel order of a pixel of `COLOUR`."""
    for order, expected in (('BGR', COLOUR), ('RGB', COLOUR[::-1])):
        # Resampling may round.
        if len(pixel) == 3 and np.allclose(pixel, expected, atol=1, rtol=0):
            return order
    return None
