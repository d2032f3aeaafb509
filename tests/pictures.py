"""Comparison of pictures."""

import numpy as np
import PIL.Image

LEVELS, PIXELS = 64, 20


def assert_same_picture(found, expected):
    """Assert that two image files differ by few pixels, as by other antialiasing.

    A dot of a figure has more than a hundred pixels.
    """
    found, expected = (
        np.asarray(PIL.Image.open(path).convert('RGB'), dtype=int)
        for path in (found, expected)
    )
    assert found.shape == expected.shape
    assert (np.abs(found - expected).max(-1) > LEVELS).sum() < PIXELS
