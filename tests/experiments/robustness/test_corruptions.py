"""Corruptions: values where they are simple, order by severity, seeds."""

import colorsys
import sys

import pytest
import torch

from mmadf.experiments.robustness import (
    SEVERITIES,
    chosen_corruptions,
    corrupt,
    corruption_names,
)

FAMILIES = ['gaussian_noise', 'shot_noise', 'impulse_noise', 'contrast', 'brightness']
FAMILIES += ['defocus_blur', 'pixelate', 'jpeg_compression']


@pytest.fixture(autouse=True)
def _package():
    pytest.importorskip('imagecorruptions')


def pictures(count=2, size=32):
    """Return smooth pictures: random 4x4 colours, enlarged."""
    small = torch.rand(count, 3, 4, 4)
    large = torch.nn.functional.interpolate(small, size, mode='bicubic')
    return (255 * large.clamp(0, 1)).to(torch.uint8)


def test_the_fifteen_of_the_paper_and_four_more():
    assert len(corruption_names()) == 15
    assert len(set(corruption_names(extra=True))) == 19


@pytest.mark.parametrize(
    ('words', 'count'), [(['all'], 15), (['none'], 0), (['fog', 'snow'], 2)]
)
def test_all_and_none_stand_for_names(words, count):
    found = chosen_corruptions(words)
    assert len(found) == count
    assert set(found) <= set(corruption_names())


@pytest.mark.parametrize(('severity', 'factor'), [(1, 0.4), (3, 0.2), (5, 0.05)])
def test_contrast_shrinks_towards_the_mean_of_each_channel(severity, factor):
    (image,) = pictures(1)
    found = corrupt(image[None], 'contrast', severity, seed=0)[0]
    for channel, result in zip(image.double(), found, strict=True):
        mean = channel.sum() / channel.numel()
        expected = mean + factor * (channel - mean)
        assert (result.double() - expected).abs().max() <= 1  # cut to whole numbers


@pytest.mark.parametrize(('severity', 'added'), [(1, 0.1), (4, 0.4)])
def test_brightness_is_added_to_the_value_of_hsv(severity, added):
    (image,) = pictures(1)
    found = corrupt(image[None], 'brightness', severity, seed=0)[0]
    for i, j in [(0, 0), (5, 9), (31, 16), (20, 20)]:
        h, s, v = colorsys.rgb_to_hsv(*(image[:, i, j] / 255).tolist())
        expected = [255 * c for c in colorsys.hsv_to_rgb(h, s, min(v + added, 1))]
        assert found[:, i, j].tolist() == pytest.approx(expected, abs=1.01)


def test_pixelate_at_severity_2_shows_means_of_two_by_two():
    (image,) = pictures(1)
    found = corrupt(image[None], 'pixelate', 2, seed=0)[0].double()
    for i in range(0, 32, 2):
        for j in range(0, 32, 2):
            block = image[:, i : i + 2, j : j + 2].double()
            mean = block.sum((1, 2)) / 4
            shown = found[:, i : i + 2, j : j + 2]
            # Rounded across and again down.
            assert (shown - mean[:, None, None]).abs().max() <= 1


@pytest.mark.parametrize('name', FAMILIES)
def test_more_severe_is_further_from_the_picture(name):
    images = pictures(4)
    distances = []
    for severity in SEVERITIES:
        found = corrupt(images, name, severity, seed=0)
        assert found.shape == images.shape and found.dtype == torch.uint8
        change = found.double() - images.double()
        distances.append(change.square().mean().item())
    assert distances[0] > 0
    assert distances == sorted(distances)
    assert distances[4] > 1.5 * distances[0]


@pytest.mark.parametrize('name', ['gaussian_noise', 'impulse_noise', 'motion_blur'])
def test_the_seed_decides_and_images_differ(name):
    images = pictures(1).repeat(2, 1, 1, 1)
    first, again = (corrupt(images, name, 3, seed=5) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, corrupt(images, name, 3, seed=6))
    assert not torch.equal(first[0], first[1])


def test_blue_first_is_turned_around_and_back():
    images = pictures()
    straight = corrupt(images, 'gaussian_noise', 2, seed=1)
    turned = corrupt(images.flip(1), 'gaussian_noise', 2, seed=1, bgr=True)
    assert torch.equal(turned, straight.flip(1))


@pytest.mark.parametrize(
    ('name', 'severity', 'size', 'message'),
    [
        ('rain', 1, 32, "corruption 'rain' at severity 1: give one of"),
        ('fog', 6, 32, "'fog' at severity 6"),
        ('fog', 1, 31, 'need images of 32x32 pixels or more, got .31, 31.'),
    ],
)
def test_what_cannot_be_done_is_named(name, severity, size, message):
    with pytest.raises(ValueError, match=message):
        corrupt(pictures(1, size), name, severity, seed=0)


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, 'imagecorruptions', None)
    with pytest.raises(ImportError, match='pip install imagecorruptions-imaug'):
        corruption_names()
