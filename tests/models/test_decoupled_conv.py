import itertools
import math

import pytest
import torch
from mmcv.cnn import build_conv_layer
from torch.autograd import gradcheck
from torch.testing import assert_close

from mmadf.models import DecoupledConv2d
from mmadf.models.layers.decoupled_conv import ANGLES, MAGNITUDES
from tests.helpers import randomise

EPS = 1e-4


def operator(magnitude, angle, r, cos, rho):
    h = {'ball': lambda: min(r, rho) / rho, 'tanh': lambda: math.tanh(r / rho)}
    g = {'cosine': cos, 'square_cosine': math.copysign(cos * cos, cos)}
    return h.get(magnitude, lambda: r)() * g[angle]


@torch.no_grad()
@pytest.mark.parametrize('magnitude', MAGNITUDES)
@pytest.mark.parametrize('angle', ANGLES)
@pytest.mark.parametrize(
    'geometry',
    [dict(padding=1), dict(stride=2), dict(dilation=(2, 1), padding=(2, 0))],
)
def test_output_equals_loop(magnitude, angle, geometry):
    conv = DecoupledConv2d(2, 3, 3, magnitude=magnitude, angle=angle, **geometry)
    conv = randomise(conv, std=1.0).double()
    x = torch.randn(1, 2, 6, 5, dtype=torch.float64)
    (s, _), (p, q), (d, e) = conv.stride, conv.padding, conv.dilation
    padded = torch.nn.functional.pad(x, (q, q, p, p))
    y = conv(x)
    patches, places = [], list(itertools.product(range(y.shape[2]), range(y.shape[3])))
    for i, j in places:
        rows = slice(i * s, i * s + 2 * d + 1, d)
        columns = slice(j * s, j * s + 2 * e + 1, e)
        patches.append(padded[0, :, rows, columns].flatten())
    norms = [math.sqrt(patch.square().sum() + EPS) for patch in patches]
    mean = sum(norms) / len(norms)
    for k, ((i, j), patch, r) in itertools.product(
        range(3), zip(places, patches, norms, strict=True)
    ):
        w = conv.weight[k].flatten()
        cos = (patch @ w).item() / (math.sqrt(w.square().sum() + EPS) * r)
        rho = (
            (conv.radius[k].item() ** 2 + EPS) * mean if conv.radius is not None else 1
        )
        expected = operator(magnitude, angle, r, cos, rho)
        assert y[0, k, i, j].item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize('magnitude', MAGNITUDES)
@pytest.mark.parametrize('angle', ANGLES)
def test_gradcheck(magnitude, angle):
    conv = DecoupledConv2d(2, 2, 3, magnitude=magnitude, angle=angle, bias=True)
    conv = randomise(conv, std=1.0).double()
    x = torch.randn(1, 2, 4, 4, dtype=torch.float64, requires_grad=True)
    assert gradcheck(conv, (x,))


def test_linear_cosine_is_a_convolution_with_normalised_kernels():
    conv = DecoupledConv2d(3, 4, 3, magnitude='linear')
    x = torch.randn(2, 3, 6, 6)
    norms = (conv.weight.square().sum((1, 2, 3), keepdim=True) + EPS).sqrt()
    expected = torch.nn.functional.conv2d(x, conv.weight / norms)
    assert_close(conv(x), expected)


def test_moving_mean_norm_follows_training_and_stays_in_evaluation():
    conv, x = DecoupledConv2d(2, 3, 3), 5 * torch.randn(2, 2, 6, 6)
    mean = conv.patch_norm(x).mean()
    conv(x)
    assert_close(conv.mean_norm, 0.999 * torch.tensor(1.0) + 0.001 * mean)
    before = conv.mean_norm.clone()
    conv.eval()
    y = conv(x)
    assert conv.mean_norm == before
    with torch.no_grad():
        conv.mean_norm.copy_(mean)
    assert (conv(x) - y).abs().max() > 1e-3


def test_builds_where_mmcv_looks():
    conv = build_conv_layer(dict(type='DecoupledConv2d', magnitude='ball'), 3, 4, 3)
    assert isinstance(conv, DecoupledConv2d)
    assert conv.names == ('ball', 'cosine')


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(magnitude='cube'), "magnitude='cube' is not supported"),
        (dict(angle='sine'), "angle='sine' is not supported"),
        (dict(groups=2), 'groups=2 is not supported'),
        (dict(padding_mode='reflect'), "padding_mode='reflect' is not supported"),
    ],
)
def test_bad_arguments_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        DecoupledConv2d(2, 4, 3, **changes)
