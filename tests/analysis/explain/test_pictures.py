"""Pictures of all pages: heat maps over images, and images within HTML."""

import base64
import io

import numpy as np
import PIL.Image
import pytest
import torch

from mmadf.analysis.explain.pictures import (
    color_map,
    darkened_grey,
    embed,
    heat_map,
    resize,
)

pytest.importorskip('matplotlib')


def test_heat_map_mixes_colours_with_grey_at_their_positions():
    photo = np.full((200, 300, 3), (100, 140, 180), np.uint8)
    values = torch.tensor([[0.0, 0.0, 1.0, 1.0]])
    found = heat_map(darkened_grey(photo), values, 'viridis', (0, 1))
    assert found.shape == (200, 300, 3)
    first, last = (0.267, 0.0049, 0.3294), (0.9932, 0.9062, 0.1439)  # of viridis
    for color, column in ((first, 10), (last, 290)):
        expected = [0.6 * 255 * part + 0.4 * 140 / 1.4 for part in color]
        assert found[100, column].tolist() == pytest.approx(expected, abs=1)


def test_a_map_that_is_not_opaque_leaves_the_image_where_it_is_lowest():
    photo = np.full((200, 300, 3), 140, np.uint8)
    values = torch.tensor([[-9.0, -9.0, 1.0, 1.0]])
    found = heat_map(photo, values, 'viridis', (0, 1), opaque=False)
    assert found[100, 10].tolist() == [140] * 3
    assert found[100, 290, 0] == pytest.approx(0.75 * 255 * 0.9932 + 0.25 * 140, abs=1)


def test_color_map_has_a_pixel_for_each_value_and_ends_at_the_limits():
    values = torch.tensor([[-7.0, -1.0, 0.5], [1.0, 9.0, 0.0]])
    found = color_map(values, 'RdBu', (-1, 1)).tolist()
    red, blue, white = [103, 0, 31], [5, 48, 97], [247, 246, 246]
    assert found[0][:2] == [red, red]
    assert found[1] == [blue, blue, pytest.approx(white, abs=1)]
    assert len(found) == 2 and len(found[0]) == 3


def test_each_pixel_of_a_small_image_becomes_a_square():
    small = np.random.default_rng(0).integers(0, 256, (4, 9, 3), dtype=np.uint8)
    expected = small.repeat(23, 0).repeat(23, 1)  # 207 pixels, at least 200
    assert np.array_equal(resize(small), expected)
    assert resize(expected) is expected
    assert resize(np.zeros((500, 1000, 3), np.uint8)).shape == (450, 900, 3)


def test_small_pictures_are_embedded_without_loss():
    small = np.random.default_rng(0).integers(0, 256, (4, 8, 3), dtype=np.uint8)
    html = embed(small, '<"a">')
    start, content = html.rstrip('">').split('src="data:image/png;base64,')
    expected = '<img class="small" alt="&lt;&quot;a&quot;&gt;" width="8" height="4" '
    assert start == expected
    pixels = np.asarray(PIL.Image.open(io.BytesIO(base64.b64decode(content))))
    assert np.array_equal(pixels, small)
