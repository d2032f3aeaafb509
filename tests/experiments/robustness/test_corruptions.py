"""Corruptions: known values, severities, random seeds, channel order."""

import colorsys
import sys

import pytest
import torch

from mmadf.experiments.robustness.corruptions import (
    SEVERITIES,
    corrupt,
    select_corruptions,
)


@pytest.fixture(autouse=True)
def _package():
    pytest.importorskip('imagecorruptions')


def smooth_images(count=2, size=32):
    """Return random 4x4 colours, enlarged."""
    small = torch.rand(count, 3, 4, 4)
    large = torch.nn.functional.interpolate(small, size, mode='bicubic')
    return (255 * large.clamp(0, 1)).to(torch.uint8)


def test_all_are_the_fifteen_of_the_paper_and_four_more_can_be_named():
    assert len(set(select_corruptions(['all']))) == 15
    assert select_corruptions(['none']) == []
    assert select_corruptions(['fog', 'saturate']) == ['fog', 'saturate']
    assert 'saturate' not in select_corruptions(['all'])


def test_unknown_corruption_is_refused():
    with pytest.raises(ValueError, match=r"corruptions=\['rain'\] must be"):
        select_corruptions(['fog', 'rain'])


@pytest.mark.parametrize(('severity', 'factor'), [(1, 0.4), (5, 0.05)])
def test_contrast_shrinks_towards_the_mean_of_each_channel(severity, factor):
    (image,) = smooth_images(1)
    found = corrupt(image[None], 'contrast', severity, seed=0)[0]
    for channel, result in zip(image.double(), found, strict=True):
        mean = channel.sum() / channel.numel()
        expected = mean + factor * (channel - mean)
        assert (result.double() - expected).abs().max() <= 1  # rounded towards zero


@pytest.mark.parametrize(('severity', 'added'), [(1, 0.1), (4, 0.4)])
def test_brightness_is_added_to_the_value_of_hsv(severity, added):
    (image,) = smooth_images(1)
    found = corrupt(image[None], 'brightness', severity, seed=0)[0]
    for i, j in [(0, 0), (5, 9), (31, 16), (20, 20)]:
        h, s, v = colorsys.rgb_to_hsv(*(image[:, i, j] / 255).tolist())
        expected = [255 * c for c in colorsys.hsv_to_rgb(h, s, min(v + added, 1))]
        assert found[:, i, j].tolist() == pytest.approx(expected, abs=1.01)


def test_pixelate_at_severity_2_shows_means_of_two_by_two():
    (image,) = smooth_images(1)
    found = corrupt(image[None], 'pixelate', 2, seed=0)[0].double()
    for i in range(0, 32, 2):
        for j in range(0, 32, 2):
            block = image[:, i : i + 2, j : j + 2].double()
            mean = block.sum((1, 2)) / 4
            shown = found[:, i : i + 2, j : j + 2]
            # Rounded along each axis.
            assert (shown - mean[:, None, None]).abs().max() <= 1


@pytest.mark.parametrize('name', ['gaussian_noise', 'defocus_blur', 'contrast'])
def test_higher_severity_is_further_from_the_image(name):
    images = smooth_images(4)
    distances = []
    for severity in SEVERITIES:
        found = corrupt(images, name, severity, seed=0)
        assert found.shape == images.shape and found.dtype == torch.uint8
        change = found.double() - images.double()
        distances.append(change.square().mean().item())
    assert distances[0] > 0
    assert distances == sorted(distances)
    assert distances[4] > 1.5 * distances[0]


@pytest.mark.parametrize('name', ['gaussian_noise', 'motion_blur'])
def test_seed_determines_the_corruption_and_images_differ(name):
    images = smooth_images(1).repeat(2, 1, 1, 1)
    first, again = (corrupt(images, name, 3, seed=5) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, corrupt(images, name, 3, seed=6))
    assert not torch.equal(first[0], first[1])


def test_bgr_images_are_corrupted_as_rgb():
    images = smooth_images()
    straight = corrupt(images, 'gaussian_noise', 2, seed=1)
    turned = corrupt(images.flip(1), 'gaussian_noise', 2, seed=1, bgr=True)
    assert torch.equal(turned, straight.flip(1))


def test_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, 'imagecorruptions', None)
    with pytest.raises(ImportError, match='pip install imagecorruptions-imaug'):
        select_corruptions(['all'])
