"""Shapes of feature maps, inferred without computing them."""

import logging
from contextlib import contextmanager, suppress
from itertools import chain
from typing import Any, Callable, Iterator, List, Optional, Tuple

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from mmadf.utils.modes import evaluating

from .stages import Stages

# The usual image sizes, in the order in which they are tried. Some networks take images
# of one size only, such as Swin with windows of 12 x 12 positions, for 384 pixels.
USUAL_SIZES = (224, 256, 288, 299, 320, 384, 448, 512, 192, 160, 128, 96, 64, 32)


class _Call(nn.Module):
    """A module whose forward pass is `function(network, *args)`."""

    def __init__(self, network: nn.Module, function: Callable) -> None:
        super().__init__()
        self.network = network
        self.function = function

    def forward(self, *args: Any) -> Any:
        """Call the function."""
        return self.function(self.network, *args)


@torch.no_grad()
def run_without_data(
    network: nn.Module,
    function: Callable[[nn.Module, Tensor], Any],
    image_size: int = 224,
) -> Any:
    """Call `function(network, image)` with tensors that have a shape but no data.

    PyTorch's fake tensors replace the image, the parameters and the buffers, so that
    nothing is computed and neither weights nor random state change. The network runs
    in evaluation mode. The tensors are on a fake CPU: on the meta device, layers that
    disable autocast would fail.

    Args:
        network: its first convolution takes the image.
        function: what to call.
        image_size: height and width of the image, in pixels.
    """
    channels, dtype = _image_format(network)
    state = chain(network.named_parameters(), network.named_buffers())
    without_data = FakeTensorMode(allow_non_fake_inputs=True)
    with evaluating(network), _restored(network), _muted(), without_data:
        fake = {
            f'network.{name}': torch.empty(t.shape, dtype=t.dtype) for name, t in state
        }
        image = torch.empty(1, channels, image_size, image_size, dtype=dtype)
        call = _Call(network, function)
        return torch.func.functional_call(call, fake, (image,))


def usable_size(
    network: nn.Module, function: Callable[[nn.Module, Tensor], Any]
) -> int:
    """Return an image size on which a network runs, for example to infer shapes.

    Args:
        network: its first convolution takes the image.
        function: runs the network on an image, (N, C, H, W).

    Returns:
        The first size for which `function` succeeds, of those that modules state as
        `image_size` and of `USUAL_SIZES`; if it never does, the first of the latter, so
        that the caller meets its error there.
    """
    stated = (getattr(module, 'image_size', None) for module in network.modules())
    for size in (*filter(None, stated), *USUAL_SIZES):
        with suppress(Exception):
            run_without_data(network, function, size)
            return size
    return USUAL_SIZES[0]


def random_image(network: nn.Module, image_size: int = 224) -> Tensor:
    """Return an image of noise that a network takes, (1, C, H, W), always the same.

    Args:
        network: its first convolution takes the image.
        image_size: height and width of the image, in pixels.
    """
    channels, dtype = _image_format(network)
    generator = torch.Generator().manual_seed(0)
    image = torch.randn(1, channels, image_size, image_size, generator=generator)
    return image.to(next(network.parameters()).device, dtype)


def _image_format(network: nn.Module) -> Tuple[int, Optional[torch.dtype]]:
    """Return number of channels and data type of the images that a network takes."""
    convs = (m for m in network.modules() if isinstance(m, nn.Conv2d))
    first = next(convs, None)
    return (first.in_channels, first.weight.dtype) if first else (3, None)


@contextmanager
def _restored(network: nn.Module) -> Iterator[None]:
    """Undo what forward passes store in modules, such as caches of attention biases."""
    contents = [
        value
        for module in network.modules()
        for value in (vars(module), *vars(module).values())
        if isinstance(value, dict)
    ]
    before = [dict(content) for content in contents]
    try:
        yield
    finally:
        for content, saved in zip(contents, before, strict=True):
            content.clear()
            content.update(saved)


@contextmanager
def _muted() -> Iterator[None]:
    """Keep PyTorch from logging the stack trace of an error, which may be expected."""
    logger = logging.getLogger('torch._subclasses.fake_tensor')
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


def map_shapes(backbone: nn.Module, image_size: int = 224) -> List[torch.Size]:
    """Return the shapes of the feature maps that a backbone returns.

    Args:
        backbone: takes (N, C, H, W), returns a sequence of feature maps.
        image_size: height and width of the image, in pixels.

    Returns:
        One shape (1, C_i, H_i, W_i) per feature map.
    """
    maps = run_without_data(backbone, lambda net, image: net(image), image_size)
    return [x.shape for x in maps]


def stage_shapes(
    backbone: nn.Module, stages: Stages, image_size: int = 224
) -> List[torch.Size]:
    """Return the shapes of the feature maps of all stages of a backbone.

    Args:
        backbone: takes (N, C, H, W).
        stages: its stages.
        image_size: height and width of the image, in pixels.

    Returns:
        One shape (1, C_i, H_i, W_i) per stage.

    Raises:
        ValueError: if the backbone does not run without data, or a stage does not
            return a feature map.
    """
    try:
        maps = run_without_data(
            backbone, lambda net, x: stages.maps(net, x, len(stages) - 1), image_size
        )
        return [x.shape for x in maps]
    except Exception as error:
        raise ValueError(
            f'the feature map shapes of {type(backbone).__name__} cannot be inferred '
            f'({type(error).__name__}: {error}); set in_channels, out_channels and '
            'strides of the mapper.'
        ) from error
