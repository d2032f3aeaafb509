"""Images that do not decode, and identical images."""

import io

import cv2
import numpy as np
import PIL.Image

from mmadf.data_prep.checks import decode_problem, find_duplicates
from tests.data_prep.archives import jpeg
from tests.helpers import png_header


def gif():
    """Return a GIF of 8x8 pixels."""
    file = io.BytesIO()
    PIL.Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(file, 'GIF')
    return file.getvalue()


def test_intact_images_have_no_problem():
    assert decode_problem(jpeg(0)) is None
    assert decode_problem(gif()) is None


def test_truncated_image_is_refused():
    noise = np.random.default_rng(0).integers(0, 255, (99, 99, 3), np.uint8)
    cut = cv2.imencode('.jpg', noise)[1].tobytes()[:-800]
    assert 'truncated' in decode_problem(cut)


def test_image_of_many_pixels_is_refused_before_it_is_decoded(monkeypatch):
    monkeypatch.setattr(PIL.Image.Image, 'load', None)
    monkeypatch.setattr('mmcv.imfrombytes', None)
    assert 'exceeds limit' in decode_problem(png_header(30000, 30000))


def test_files_without_an_image_are_refused():
    problem = 'UnidentifiedImageError: no image format that Pillow can decode'
    assert decode_problem(b'') == problem
    assert decode_problem(b'<html>404</html>') == problem


def test_format_that_mmcv_does_not_decode_is_refused(monkeypatch):
    monkeypatch.setattr('mmcv.imfrombytes', lambda content, backend: None)
    assert decode_problem(gif()) == 'GIF that MMCV cannot decode'


def test_identical_images_are_leaks_across_splits_and_duplicates_within():
    digests = {
        'train/sea/a': 'x',
        'train/forest/b': 'x',
        'test/sea/c': 'y',
        'train/sea/d': 'y',
        'train/sea/e': 'z',
    }
    assert find_duplicates(digests) == dict(
        duplicates=[['train/forest/b', 'train/sea/a']],
        leaks=[['test/sea/c', 'train/sea/d']],
    )
