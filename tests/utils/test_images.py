"""Sizes of images are read without decoding them."""

import PIL.Image
import pytest

from mmadf.utils.images import MAX_PIXELS, oversize
from tests.helpers import png_header


@pytest.mark.parametrize(
    ('side', 'problem'),
    [(100, None), (101, '101 x 100 pixels, more than 10,000')],
)
def test_more_pixels_than_the_limit_are_a_problem(side, problem, tmp_path):
    path = tmp_path / 'a.png'
    path.write_bytes(png_header(side, 100))
    assert oversize(path, 10_000) == problem
    assert oversize(path.read_bytes(), 10_000) == problem


def test_default_limit_is_the_one_of_pillow():
    assert MAX_PIXELS == 2 * PIL.Image.MAX_IMAGE_PIXELS
    assert oversize(png_header(MAX_PIXELS, 1), MAX_PIXELS) is None
    assert 'exceeds limit' in oversize(png_header(MAX_PIXELS + 1, 1), MAX_PIXELS)


@pytest.mark.parametrize('content', [b'', b'text', png_header(9, 9)[:20]])
def test_file_without_a_header_passes(content):
    assert oversize(content, 1) is None
