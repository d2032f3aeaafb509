"""Weighted sums and resampled kernels, against loops and `conv2d`."""

import pytest
import torch
from torch.autograd import gradcheck
from torch.testing import assert_close

from mmadf.models.layers.nonnegative import NonNegativeSpatialKernel
from mmadf.models.layers.spatial_kernel import (
    SpatialKernel,
    resize_kernel,
    weighted_sum,
)
from tests.helpers import randomise

SIZES = [(1, 1), (5, 5), (2, 9), (16, 4)]
PAIRS = [((3, 3), (1, 1)), ((3, 3), (5, 5)), ((7, 7), (3, 3)), ((16, 4), (2, 9))]


def loop_resize(kernel, size):
    """Divide each cell into equal parts and add each part to its new cell."""
    (h, w), (new_h, new_w) = kernel.shape[-2:], size
    out = torch.zeros(*kernel.shape[:-2], *size, dtype=kernel.dtype)
    for y in range(h * new_h):
        for x in range(w * new_w):
            part = kernel[..., y // new_h, x // new_w] / (new_h * new_w)
            out[..., y // h, x // w] += part
    return out


@pytest.mark.parametrize('kernels', [3, 1])
def test_weighted_sum_equals_loop(kernels):
    x = torch.randn(2, 3, 4, 5, dtype=torch.float64)
    kernel = torch.randn(kernels, 1, 4, 5, dtype=torch.float64)
    bias = torch.randn(kernels, dtype=torch.float64)
    expected = torch.zeros(2, 3, dtype=torch.float64)
    for n in range(2):
        for c in range(3):
            k = c if kernels > 1 else 0
            expected[n, c] = bias[k]
            for i in range(4):
                for j in range(5):
                    expected[n, c] += kernel[k, 0, i, j] * x[n, c, i, j]
    assert_close(weighted_sum(x, kernel, bias), expected)


def test_it_is_the_valid_depthwise_convolution():
    x, kernel, bias = torch.randn(2, 3, 4, 5), torch.randn(3, 1, 4, 5), torch.randn(3)
    expected = torch.nn.functional.conv2d(x, kernel, bias, groups=3).flatten(1)
    assert_close(weighted_sum(x, kernel, bias), expected)


@pytest.mark.parametrize('kernels', [2, 1])
def test_weighted_sum_gradcheck(kernels):
    x = torch.randn(2, 2, 3, 2, dtype=torch.float64, requires_grad=True)
    kernel = torch.randn(kernels, 1, 3, 2, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(kernels, dtype=torch.float64, requires_grad=True)
    assert gradcheck(weighted_sum, (x, kernel, bias))


def test_resize_gradcheck():
    kernel = torch.randn(2, 1, 3, 4, dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda k: resize_kernel(k, (5, 2)), (kernel,))


@pytest.mark.parametrize(('old', 'new'), PAIRS)
def test_resized_kernel_equals_loop(old, new):
    kernel = torch.randn(2, 1, *old, dtype=torch.float64)
    assert_close(resize_kernel(kernel, new), loop_resize(kernel, new))


@pytest.mark.parametrize('new', SIZES)
def test_total_weight_is_preserved(new):
    kernel = torch.randn(4, 1, 7, 5, dtype=torch.float64)
    total = resize_kernel(kernel, new).sum((2, 3))
    assert_close(total, kernel.sum((2, 3)))


def test_the_same_size_is_the_identity():
    kernel = torch.randn(4, 1, 2, 9)
    assert torch.equal(resize_kernel(kernel, (2, 9)), kernel)


@pytest.mark.parametrize('device', ['cpu', 'meta'])
def test_kernels_keep_their_precision_under_autocast_on_every_device(device):
    kernel = torch.ones(3, 1, 3, 3, device=device)
    with torch.autocast('cpu', torch.bfloat16):
        found = resize_kernel(kernel, (5, 5))
    assert (found.shape, found.dtype) == ((3, 1, 5, 5), torch.float32)
    assert found.device.type == device


@pytest.mark.parametrize('new', SIZES)
def test_uniform_stays_uniform(new):
    kernel = torch.full((2, 1, 3, 5), 1 / 15)
    assert_close(
        resize_kernel(kernel, new), torch.full((2, 1, *new), 1 / new[0] / new[1])
    )


def test_non_negative_stays_non_negative():
    kernel = torch.randn(64, 1, 3, 3).clamp(min=0)
    assert (resize_kernel(kernel, (2, 9)) >= 0).all()


def test_refining_and_coarsening_again_is_the_identity():
    kernel = torch.randn(2, 1, 3, 5)
    fine = resize_kernel(kernel, (9, 10))
    assert_close(resize_kernel(fine, (3, 5)), kernel)


def test_a_repeated_feature_map_gives_the_same():
    layer = randomise(SpatialKernel(3, (4, 5)))
    x = torch.randn(2, 3, 4, 5)
    fine = x.repeat_interleave(2, 2).repeat_interleave(3, 3)
    assert_close(layer(fine), layer(x))


@pytest.mark.parametrize('new', SIZES)
def test_a_constant_feature_map_gives_the_same_at_every_resolution(new):
    layer = randomise(SpatialKernel(3, (4, 5)))
    values = torch.randn(2, 3, 1, 1)
    expected = layer(values.expand(2, 3, 4, 5))
    assert_close(layer(values.expand(2, 3, *new)), expected)


@pytest.mark.parametrize('cls', [SpatialKernel, NonNegativeSpatialKernel])
@pytest.mark.parametrize(
    ('init', 'mean', 'std'), [('normal', 0, 0.01), ('gap', 1 / 9, 0)]
)
def test_initial_weights(cls, init, mean, std):
    layer = cls(2048, (3, 3), init)
    for again in (False, True):
        if again:
            randomise(layer).init_weights()
        weight = layer.weight.detach()
        assert weight.mean().item() == pytest.approx(mean, abs=3e-4)
        assert weight.std().item() == pytest.approx(std, abs=3e-4)
        assert (layer.bias == 0).all()


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_low_precision(dtype):
    layer = randomise(SpatialKernel(64, (7, 7)))
    x = torch.randn(2, 64, 7, 7)
    found = layer.to(dtype)(x.to(dtype))
    exact = layer.double()(x.to(dtype).double())
    assert found.dtype == dtype
    scale = (x.double() * layer.weight.transpose(0, 1)).abs().sum((2, 3)).max()
    assert (found.double() - exact).abs().max() < scale * torch.finfo(dtype).eps


@pytest.mark.parametrize('size', [(3, 3), (8, 8)])
def test_non_contiguous_and_channels_last_input(size):
    layer = randomise(SpatialKernel(4, (3, 3)))
    x = torch.randn(2, 4, *size)
    expected = layer(x)
    assert_close(layer(x.to(memory_format=torch.channels_last)), expected)
    assert_close(layer(x.transpose(2, 3).contiguous().transpose(2, 3)), expected)


def test_autocast_does_not_round_the_total_weight():
    kernel = torch.rand(4, 1, 3, 3)
    with torch.autocast('cpu', torch.bfloat16):
        resized = resize_kernel(kernel, (5, 5))
    assert resized.dtype == torch.float32
    assert_close(resized.sum((2, 3)), kernel.sum((2, 3)))
