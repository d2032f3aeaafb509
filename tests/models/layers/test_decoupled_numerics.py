"""Precision of decoupled layers at the ends of what numbers can hold."""

import pytest
import torch
from packaging.version import Version
from torch import nn
from torch.testing import assert_close
from torch.utils.checkpoint import checkpoint

from mmadf.models import DecoupledConv2d, DecoupledLinear
from mmadf.models.layers import decoupled_conv2d
from mmadf.models.layers.decoupled import MAGNITUDES, formula, functional
from mmadf.models.surgery import fold
from tests.helpers import randomise


def error(found, expected):
    """Return the largest error as a share of the largest value."""
    difference = found.double() - expected.double()
    return (difference.abs().max() / expected.abs().max()).item()


def double(layer):
    """Return the same layer in float64."""
    own = layer.operator
    choices = dict(magnitude=own.magnitude, angle=own.angle)
    sizes = layer.in_channels, layer.out_channels, layer.kernel_size
    twin = DecoupledConv2d(*sizes, padding=layer.padding, **choices).double()
    twin.load_state_dict(layer.state_dict())
    return twin


@pytest.mark.parametrize('scale', [1.0, 1000.0])
@pytest.mark.parametrize('traced', [True, False])
def test_a_saturated_tanh_leaves_its_radius_alone(scale, traced, monkeypatch):
    monkeypatch.setattr(functional, 'is_traced', lambda: traced)
    layer = DecoupledConv2d(16, 8, 3, radius_unit='absolute')
    x = scale * torch.randn(2, 16, 8, 8)
    y = layer(x)
    y.square().sum().backward()
    truth = DecoupledConv2d(16, 8, 3, radius_unit='absolute').double()
    truth.load_state_dict(layer.state_dict())
    truth(x.double()).square().sum().backward()
    assert y.abs().max() > 0.2
    assert_close(
        layer.operator.radius.grad.double(),
        truth.operator.radius.grad,
        rtol=0,
        atol=1e-7,
    )


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_moving_average_moves_in_models_of_low_precision(dtype):
    layer = DecoupledConv2d(3, 4, 3, decay=0.999).to(dtype)
    layer.operator.num_batches.fill_(10000)
    x = torch.full((1, 3, 3, 3), 10.0, dtype=dtype)
    m = 10 * 27**0.5
    layer.operator.mean_norm.fill_(m - 1)
    for _ in range(100):
        layer(x)
    assert layer.operator.mean_norm.dtype == torch.float32
    assert layer.operator.mean_norm.item() == pytest.approx(m - 0.999**100, rel=1e-4)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
@pytest.mark.parametrize('magnitude', ['ball', 'tanh'])
def test_radii_of_models_of_low_precision_neither_overflow_nor_round(magnitude, dtype):
    layer = DecoupledConv2d(4, 2, 1, magnitude=magnitude, angle='learnable_sigmoid')
    layer.operator.radius.data.fill_(3.0)
    layer.operator.v.data.fill_(0.1875)
    layer.operator.mean_norm.fill_(30000.0)
    layer.eval().to(dtype)
    r = torch.ones(1, 1, 2, 2)
    rho, k = layer.operator.rho(r), layer.operator.curvature(r)
    assert_close(rho, torch.full((2,), 270003.0))  # beyond the range of float16
    assert_close(k, torch.full((2,), 0.2375), rtol=1e-6, atol=0)


def test_moving_average_follows_the_device_and_stays_in_double():
    layer = DecoupledConv2d(3, 4, 3).double()
    assert layer.operator.mean_norm.dtype == torch.float64
    assert layer.to('meta').operator.mean_norm.device.type == 'meta'


@pytest.mark.parametrize(
    ('magnitude', 'angle'),
    [('tanh', 'cosine'), ('ball', 'square_cosine'), ('weighted_tanh', 'cosine')],
)
def test_small_images_beside_large_ones_keep_their_precision(magnitude, angle):
    torch.manual_seed(0)
    layer = DecoupledConv2d(64, 8, 3, padding=1, magnitude=magnitude, angle=angle)
    truth = double(layer)
    sizes = torch.tensor([1e-2, 1e3]).view(2, 1, 1, 1)
    x = (torch.randn(2, 64, 8, 8) * sizes).requires_grad_()
    z = x.detach().double().requires_grad_()
    with torch.autocast('cpu', torch.float16):
        y = layer(x)
    y.float().sum().backward()
    expected = truth(z)
    expected.sum().backward()
    smallest = 2.0**-24  # of float16
    strayed = (y[0].double() - expected[0]).abs().max()
    assert strayed < 0.6 * smallest + 2e-3 * expected[0].abs().max()
    assert error(x.grad[0], z.grad[0]) < 0.02


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
@pytest.mark.parametrize('build', [DecoupledLinear, DecoupledConv2d])
def test_bias_does_not_widen_the_output(build, dtype):
    if build is DecoupledLinear:
        layer, x = DecoupledLinear(4, 3, bias=True), torch.randn(2, 4)
    else:
        layer, x = DecoupledConv2d(4, 3, 3, bias=True), torch.randn(2, 4, 5, 5)
    randomise(layer)
    with torch.autocast('cpu', dtype):
        y = layer(x)
    assert y.dtype == dtype
    assert_close(y.float(), layer(x), rtol=0.05, atol=0.05)


@pytest.mark.parametrize('zero', ['input', 'kernel'])
@pytest.mark.parametrize('build', [DecoupledLinear, DecoupledConv2d])
def test_second_derivatives_at_zero_are_finite(build, zero):
    if build is DecoupledLinear:
        layer, x = DecoupledLinear(4, 3), torch.randn(2, 4, dtype=torch.float64)
    else:
        layer, x = DecoupledConv2d(4, 3, 1), torch.randn(2, 4, 1, 1).double()
    layer.double()
    with torch.no_grad():
        (x if zero == 'input' else layer.weight)[0] = 0
    x.requires_grad_()
    tensors = x, layer.weight
    first = torch.autograd.grad(layer(x).square().sum(), tensors, create_graph=True)
    second = torch.autograd.grad(sum(g.square().sum() for g in first), tensors)
    assert all(g.isfinite().all() and g.abs().max() > 0 for g in second)


@pytest.mark.parametrize('angle', ['cosine', 'square_cosine', 'sigmoid'])
@pytest.mark.parametrize('magnitude', MAGNITUDES)
def test_inputs_whose_squares_overflow_are_as_exact_as_others(magnitude, angle):
    choices = dict(magnitude=magnitude, angle=angle)
    layer = randomise(DecoupledConv2d(3, 4, 3, padding=1, **choices), 1.0)
    x = (1e25 * torch.randn(2, 3, 6, 6)).requires_grad_()
    twin, exact = double(layer), x.detach().double().requires_grad_()
    outputs = layer(x), twin(exact)
    for y in outputs:
        (y / outputs[1].detach().abs().max()).to(y.dtype).sum().backward()
    assert error(*outputs) < 1e-5
    # Part of the gradient of a radius, 1 / rho^2, underflows.
    assert error(1e25 * x.grad.double(), 1e25 * exact.grad) < 0.2
    assert error(layer.weight.grad, twin.weight.grad) < 1e-4


# There, torch.compiler.is_exporting() is true in compiled functions as well.
OLD = Version(torch.__version__) < Version('2.9')
compiles = pytest.param(True, marks=pytest.mark.skipif(OLD, reason='exports in 2.8'))


@pytest.mark.slow
@pytest.mark.parametrize('compiled', [False, compiles])
def test_squares_overflow_neither_in_compiled_layers_nor_in_transforms(compiled):
    layer = randomise(DecoupledConv2d(3, 4, 3, magnitude='linear'), 1.0)
    x = 1e25 * torch.randn(2, 3, 6, 6)
    traced = torch.func.vmap(lambda image: layer(image[None])[0])
    if compiled:
        traced = torch.compile(layer, backend='aot_eager', fullgraph=True)
    assert error(traced(x), double(layer)(x.double())) < 1e-5


def test_an_overflow_does_not_poison_the_moving_average():
    layer = DecoupledConv2d(3, 4, 3)
    x = torch.randn(2, 3, 6, 6)
    layer(x)
    before = layer.operator.mean_norm.clone()
    layer(torch.where(torch.arange(6) == 3, 1e33, x))
    assert_close(layer.operator.mean_norm, before, rtol=0, atol=0)
    layer(2 * x)
    assert layer.operator.mean_norm > before
    assert layer.eval()(x).isfinite().all()


def test_gradient_of_fixed_kernels_is_that_of_the_kernels_themselves():
    layer = randomise(DecoupledConv2d(3, 4, 3), 1.0).double().eval()
    fold(nn.Sequential(layer))
    layer.requires_grad_(True)
    x = torch.randn(2, 3, 5, 5, dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda w: torch.func.functional_call(layer, {'weight': w}, (x,)),
        (layer.weight,),
    )

    def loss():
        return layer(x).square().sum()

    (slope,) = torch.autograd.grad(loss(), layer.weight)
    step = torch.randn_like(layer.weight)
    with torch.no_grad():
        ends = []
        for sign in (1, -1):
            layer.weight.add_(sign * 1e-5 * step)
            ends.append(loss())
            layer.weight.sub_(sign * 1e-5 * step)
    assert_close((slope * step).sum(), (ends[0] - ends[1]) / 2e-5)


class Checkpointed(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = DecoupledConv2d(4, 4, 3)

    def forward(self, x):
        return checkpoint(self.conv, x, use_reentrant=False)


def test_checkpointed_training_compiles_without_graph_break():
    model, x = Checkpointed(), torch.randn(2, 4, 8, 8, requires_grad=True)
    compiled = torch.compile(model, fullgraph=True, backend='aot_eager')
    assert_close(compiled(x), model.conv(x))
    assert model.conv.operator.num_batches == 2


@pytest.mark.skipif(
    torch.ops.mkldnn._is_mkldnn_fp16_supported(), reason='float16 is fast here'
)
def test_slow_float16_convolutions_are_reported_once(recwarn):
    formula._warn_of_slow_float16.cache_clear()
    layer, x = DecoupledConv2d(3, 4, 3).half(), torch.randn(1, 3, 5, 5).half()
    for _ in range(2):
        layer(x)
    assert len([w for w in recwarn if 'float16' in str(w.message)]) == 1


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_tanh_is_exact_from_small_to_huge(dtype):
    r = torch.logspace(-3, 3, 200, dtype=dtype)
    h = MAGNITUDES['tanh'].function(r, None, torch.tensor(0.7, dtype=dtype), 1.3, 0.5)
    exact = 1.3 * torch.tanh(r / 0.7)
    assert_close(h, exact, rtol=0, atol=4 * torch.finfo(dtype).eps)


def test_a_radius_beyond_all_norms_gives_finite_gradients():
    """The magnitude is 0 in float32, from which no angle can be recovered."""
    layer = DecoupledConv2d(3, 4, 3, radius=1e12, radius_unit='absolute')
    x = torch.randn(2, 3, 5, 5, requires_grad=True)
    layer(x).sum().backward()
    assert x.grad.isfinite().all() and layer.weight.grad.isfinite().all()


@pytest.mark.parametrize('magnitude', ['ball', 'tanh'])
def test_bounded_operators_are_exact_far_beyond_their_radius(magnitude):
    x = torch.logspace(2, 7, 6).view(6, 1, 1, 1)
    y = decoupled_conv2d(
        x, torch.ones(1, 1, 1, 1), rho=torch.ones(1), magnitude=magnitude
    )
    assert_close(y, torch.ones_like(y), rtol=1e-4, atol=0)  # cos < 1 by EPS
    assert_close(y[1:], torch.full_like(y[1:], y[-1].item()), rtol=1e-6, atol=0)
