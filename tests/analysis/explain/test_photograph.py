"""The part of a photograph that a network receives, from any pipeline."""

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config

from mmadf.analysis.explain.images import build_pipeline, read_image
from mmadf.analysis.explain.photograph import (
    Photograph,
    seen_part,
    take_photograph,
    to_rgb,
)
from tests.helpers import named

CROP = dict(type='CenterCrop', crop_size=224)
EDGE = dict(type='ResizeEdge', scale=256, edge='short')
PILLOW = dict(backend='pillow', interpolation='bicubic')
TO_PIL = dict(type='NumpyToPIL', to_rgb=True)
FROM_PIL = dict(type='PILToNumpy', to_bgr=False)
TO_BGR = dict(type='PILToNumpy', to_bgr=True)
PAD = dict(type='torchvision/Pad', padding=(15, 25))


def pipeline(*steps):
    first, last = dict(type='LoadImageFromFile'), dict(type='PackInputs')
    dataset = dict(type='CustomDataset', pipeline=[first, *steps, last])
    return build_pipeline(Config(dict(test_dataloader=dict(dataset=dataset))))


def test_resized_and_cropped_parts_are_found():
    for steps, shape, size, expected in (
        ([EDGE, CROP], (512, 768), (224, 224), (160, 32, 608, 480)),
        ([dict(EDGE, **PILLOW), CROP], (512, 768), (224, 224), (160, 32, 608, 480)),
        ([EDGE, CROP], (1500, 1000), (224, 224), (62, 312, 938, 1188)),
        ([dict(type='Resize', scale=(64, 32))], (512, 768), (32, 64), (0, 0, 768, 512)),
        ([], (40, 30), (40, 30), (0, 0, 30, 40)),
        ([EDGE, CROP, TO_PIL, FROM_PIL], (512, 768), (224, 224), (160, 32, 608, 480)),
    ):
        found = seen_part(pipeline(*steps), shape, size)
        with named(steps):
            assert found == pytest.approx(expected, abs=2 + max(shape) // 500)


def test_padding_below_and_to_the_right_is_outside_the_image():
    assert seen_part(pipeline(), (40, 30), (48, 32)) == pytest.approx(
        (0, 0, 32, 48), abs=1
    )
    part = Photograph(np.full((40, 30, 3), 7, np.uint8), (0, 0, 32, 48)).part()
    assert part.shape == (48, 32, 3)
    assert (part[:40, :30] == 7).all() and part.sum() == 7 * 40 * 30 * 3


def test_other_pipelines_show_what_the_network_receives(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / 'a.png'), pixels)
    rgb = pixels[..., ::-1]
    padded = np.pad(rgb, ((25, 25), (15, 15), (0, 0)))
    for steps, expected in (
        ([dict(type='RandomFlip', prob=1.0, direction='horizontal')], rgb[:, ::-1]),
        ([TO_PIL, PAD, FROM_PIL], padded),
        ([TO_PIL, PAD, TO_BGR], padded),
    ):
        built = pipeline(*steps)
        inputs = read_image(tmp_path / 'a.png', built)
        size = inputs.shape[1:]
        photo = take_photograph(tmp_path / 'a.png', built, inputs, size)
        with named(steps):
            assert np.array_equal(photo.pixels, expected)
            assert photo.whole


def test_the_photograph_has_the_pixels_of_the_file(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (512, 768, 3), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / 'a.png'), pixels)
    built = pipeline(EDGE, CROP)
    inputs = read_image(tmp_path / 'a.png', built)
    photo = take_photograph(tmp_path / 'a.png', built, inputs, (224, 224))
    assert np.array_equal(photo.pixels, pixels[..., ::-1])
    assert not photo.whole
    assert photo.part().shape[0] == pytest.approx(448, abs=2)


def test_bgr_grey_and_floats_become_rgb_bytes():
    bgr = torch.randint(256, (3, 4, 5), dtype=torch.uint8)
    rgb = to_rgb(bgr, (6, 5), True)
    assert np.array_equal(rgb[:4], bgr[[2, 1, 0]].permute(1, 2, 0))
    assert np.array_equal(to_rgb(bgr, (4, 5), False), bgr.permute(1, 2, 0))
    assert (rgb.shape, rgb.dtype) == ((6, 5, 3), np.uint8)
    assert rgb[4:].sum() == 0
    grey = torch.randint(256, (1, 4, 5), dtype=torch.uint8)
    assert np.array_equal(
        to_rgb(grey, (4, 5), True), grey[0, :, :, None].repeat(1, 1, 3)
    )
    stretched = to_rgb(torch.tensor([[[-1.0, 0.0, 1.0]]]), (1, 3), True)
    assert stretched[0, :, 1].tolist() == [0, 127, 255]
    assert to_rgb(torch.full((3, 2, 2), 7.0), (2, 2), False).sum() == 0
