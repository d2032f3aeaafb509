"""What stands in the way of a dynamic batch in MMPretrain, written otherwise."""

from contextlib import contextmanager
from typing import Iterator

from mmpretrain.models.utils import ShiftWindowMSA
from torch import Tensor


@contextmanager
def dynamic_batch() -> Iterator[None]:
    """Trace networks with functions that leave the batch open.

    Swin: MMPretrain divides the number of windows, as floats, to get the batch back,
    which fixes the batch of the trace. `window_reverse` does the same without.
    """
    original = ShiftWindowMSA.window_reverse
    ShiftWindowMSA.window_reverse = staticmethod(window_reverse)
    try:
        yield
    finally:
        ShiftWindowMSA.window_reverse = staticmethod(original)


def window_reverse(windows: Tensor, height: int, width: int, size: int) -> Tensor:
    """Put windows back in their places, as `ShiftWindowMSA.window_reverse` does.

    Args:
        windows: (N * height / size * width / size, size, size, C).
        height: of the map, a multiple of `size`.
        width: of the map, a multiple of `size`.
        size: side of a window.

    Returns:
        (N, height, width, C).
    """
    channels = windows.shape[-1]
    x = windows.view(-1, height // size, width // size, size, size, channels)
    return x.permute(0, 1, 3, 2, 4, 5).reshape(-1, height, width, channels)
