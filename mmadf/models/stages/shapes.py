"""Shapes of maps, from a pass that computes nothing."""

import logging
from contextlib import contextmanager
from itertools import chain
from typing import Any, Callable, Iterator, List, Tuple

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from mmadf.utils.modes import evaluating

from .stages import Stages


class _Call(nn.Module):
    """A network whose forward pass is another function of it."""

    def __init__(self, network: nn.Module, function: Callable) -> None:
        super().__init__()
        self.network = network
        self.function = function

    def forward(self, *args: Any) -> Any:
        """Call the function."""
        return self.function(self.network, *args)


def run_without_data(
    network: nn.Module,
    function: Callable[[nn.Module, Tensor], Any],
    image_size: int = 224,
) -> Any:
    """Call `function(network, image)` with tensors that have a shape and no data.

    PyTorch's fake tensors take the place of the image, the parameters and the
    buffers; in evaluation mode, so that neither weights nor random state are touched.
    They claim to lie on a CPU; on the meta device, layers that switch autocast off
    cannot run.

    Args:
        network: whose first convolution takes the image.
        function: what is to be run.
        image_size: height and width of the assumed image, in pixels.
    """
    state = chain(network.named_parameters(), network.named_buffers())
    first = next((m for m in network.modules() if isinstance(m, nn.Conv2d)), None)
    channels, dtype = (3, None) if first is None else _takes(first)
    without_data = FakeTensorMode(allow_non_fake_inputs=True)
    with evaluating(network), _muted(), without_data, torch.no_grad():
        fake = {
            f'network.{name}': torch.empty(t.shape, dtype=t.dtype) for name, t in state
        }
        image = torch.empty(1, channels, image_size, image_size, dtype=dtype)
        call = _Call(network, function)
        return torch.func.functional_call(call, fake, (image,))


@contextmanager
def _muted() -> Iterator[None]:
    """Keep PyTorch from logging the stack of each error, which callers may catch."""
    logger = logging.getLogger('torch._subclasses.fake_tensor')
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


def _takes(conv: nn.Conv2d) -> Tuple[int, torch.dtype]:
    """Return number of channels and type of what a convolution takes."""
    return conv.in_channels, conv.weight.dtype


def map_shapes(backbone: nn.Module, image_size: int = 224) -> List[torch.Size]:
    """Return the shapes of the maps that a backbone returns, computing nothing.

    Args:
        backbone: takes (N, C, H, W), returns a sequence of maps.
        image_size: height and width of the assumed image, in pixels.

    Returns:
        Shapes (1, C_i, H_i, W_i), one per map.
    """
    maps = run_without_data(backbone, lambda net, image: net(image), image_size)
    return [x.shape for x in maps]


def stage_shapes(
    backbone: nn.Module, stages: Stages, image_size: int = 224
) -> List[torch.Size]:
    """Return the shapes of the maps of all stages of a backbone, computing nothing.

    Args:
        backbone: takes (N, C, H, W).
        stages: how it runs.
        image_size: height and width of the assumed image, in pixels.

    Returns:
        Shapes (1, C_i, H_i, W_i), one per stage.

    Raises:
        ValueError: the backbone does not run without data, or a stage gives no map.
    """
    try:
        maps = run_without_data(
            backbone, lambda net, x: stages.maps(net, x, len(stages) - 1), image_size
        )
        return [x.shape for x in maps]
    except Exception as error:
        raise ValueError(
            f'the map shapes of {type(backbone).__name__} cannot be inferred '
            f'({type(error).__name__}: {error}); give the mapper in_channels, '
            'out_channels and strides.'
        ) from error
