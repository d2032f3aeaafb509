import math

import pytest
import torch
from torch import nn
from torch.autograd import gradcheck, gradgradcheck
from torch.testing import assert_close
from torch.utils.checkpoint import checkpoint

from mmadf.models import DecoupledConv2d
from mmadf.models.layers import decoupled_conv
from mmadf.models.layers.decoupled import ANGLES, MAGNITUDES, primitives
from tests.helpers import randomise


def build(*sizes, dtype=torch.float64, **choices):
    layer = DecoupledConv2d(*(sizes or (4, 6, 3)), **choices)
    return randomise(layer, 1.0).to(dtype)


def image(*shape, dtype=torch.float64):
    return torch.randn(*(shape or (3, 4, 6, 5)), dtype=dtype, requires_grad=True)


def gradients(conv, x, after):
    """Return output and gradients of one training step, `after` following the layer."""
    conv.zero_grad()
    y = after(conv(x))
    weights = torch.linspace(-1, 2, y.numel(), dtype=y.dtype).view_as(y)
    tensors = (x, *conv.parameters())
    grads = torch.autograd.grad((y * weights).sum(), tensors)
    return y.detach(), *grads


def kept(y):
    return (y * y) ** 1.5  # saves y


def gone(y):
    return y + 1  # saves nothing


def overwritten(y):
    return y.relu_()


@pytest.mark.parametrize('after', [kept, gone, overwritten])
@pytest.mark.parametrize('angle', ANGLES)
@pytest.mark.parametrize('magnitude', MAGNITUDES)
def test_lean_equals_plain(magnitude, angle, after, monkeypatch):
    operator = dict(magnitude=magnitude, angle=angle, alpha=1.3, beta=0.4)
    conv, x = build(4, 6, 3, groups=2, stride=2, **operator), image()
    monkeypatch.setattr(primitives, 'TILE', 40)  # an image a tile
    lean = gradients(conv, x, after)
    monkeypatch.setattr(decoupled_conv, 'is_traced', lambda: True)
    assert_close(lean, gradients(conv, x, after))


@pytest.mark.parametrize('magnitude', ['ball', 'tanh', 'segmented', 'mix'])
@pytest.mark.parametrize(('alpha', 'beta'), [(-0.7, 0.5), (0.0, 0.5), (0.5, -1.2)])
def test_lean_equals_plain_for_any_sign(magnitude, alpha, beta, monkeypatch):
    conv, x = build(magnitude=magnitude, alpha=alpha, beta=beta), image()
    lean = gradients(conv, x, kept)
    monkeypatch.setattr(decoupled_conv, 'is_traced', lambda: True)
    assert_close(lean, gradients(conv, x, kept))


def test_one_radius_for_all_kernels_gets_the_sum_of_their_gradients(monkeypatch):
    conv, x = build(radius='layer', groups=2), image()
    lean = gradients(conv, x, kept)
    monkeypatch.setattr(decoupled_conv, 'is_traced', lambda: True)
    assert_close(lean, gradients(conv, x, kept))


def test_products_are_computed_again_only_where_the_output_was_overwritten(monkeypatch):
    conv, x, calls = build(), image(), []
    correlate = conv.correlate
    monkeypatch.setattr(
        conv, 'correlate', lambda *args: calls.append(0) or correlate(*args)
    )
    expected = dict(kept=2, gone=2, overwritten=3)  # norms, products, (again)
    for after in (kept, gone, overwritten):
        calls.clear()
        gradients(conv, x, after)
        assert len(calls) == expected[after.__name__], after.__name__


@pytest.mark.parametrize(
    ('magnitude', 'angle'), [('tanh', 'cosine'), ('log', 'linear')]
)
def test_second_derivatives(magnitude, angle):
    conv, x = build(2, 2, 2, magnitude=magnitude, angle=angle), image(1, 2, 3, 3)

    def response(x, weight):
        return torch.func.functional_call(conv, dict(weight=weight), (x,))

    assert gradgradcheck(response, (x, conv.weight))
    y = kept(response(x, conv.weight)).sum()
    first = torch.autograd.grad(y, (x, conv.weight), retain_graph=True)
    again = torch.autograd.grad(y, (x, conv.weight), create_graph=True)
    assert_close(again, first)


@pytest.mark.parametrize('after', [kept, overwritten])
@pytest.mark.parametrize('use_reentrant', [False, True])
def test_checkpointing_gives_the_same_gradients(use_reentrant, after):
    conv, x = build(), image()
    after(conv(x)).sum().backward()
    expected = x.grad.clone(), conv.weight.grad.clone()
    x.grad = conv.weight.grad = None
    checkpoint(
        lambda x: after(conv(x)), x, use_reentrant=use_reentrant
    ).sum().backward()
    assert_close((x.grad, conv.weight.grad), expected)


def test_second_backward_through_a_retained_graph():
    conv, x = build(), image()
    loss = kept(conv(x)).sum()
    first = torch.autograd.grad(loss, conv.weight, retain_graph=True)
    assert_close(torch.autograd.grad(loss, conv.weight), first)


def test_functional_transforms_give_the_same_gradients():
    conv, x = build().eval(), image()

    def loss(weight):
        return torch.func.functional_call(conv, dict(weight=weight), (x,)).sin().sum()

    expected = torch.autograd.grad(conv(x).sin().sum(), conv.weight)[0]
    assert_close(torch.func.grad(loss)(conv.weight), expected)


def test_traced_layer_takes_other_batches(monkeypatch):
    monkeypatch.setattr(primitives, 'TILE', 40)
    conv, x = build().eval(), image(5, 4, 6, 5).detach()
    traced = torch.jit.trace(conv, x[:2])
    assert_close(traced(x), conv(x))


@pytest.mark.parametrize('frozen', ['weight', 'x'])
def test_frozen_tensors_leave_the_other_gradients(frozen):
    conv, x = build(), image()
    tensors = dict(x=x, weight=conv.weight, radius=conv.radius)
    kept(conv(x)).sum().backward()
    full = {name: tensor.grad.clone() for name, tensor in tensors.items()}
    for tensor in tensors.values():
        tensor.grad = None
    tensors[frozen].requires_grad_(False)
    kept(conv(x)).sum().backward()
    assert tensors.pop(frozen).grad is None
    for name, tensor in tensors.items():
        assert_close(tensor.grad, full[name])


@pytest.mark.parametrize('angle', ['cosine', 'square_cosine', 'linear'])
@pytest.mark.parametrize('magnitude', ['tanh', 'segmented', 'sphere'])
def test_before_a_norm_hardly_more_is_kept_than_by_an_ordinary_convolution(
    magnitude, angle
):
    def kept_bytes(conv):
        sizes = {}

        def pack(x):
            storage = x.untyped_storage()
            sizes[storage._cdata] = storage.nbytes(), x
            return x

        x = image(4, 32, 16, 16, dtype=torch.float32)
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
            nn.BatchNorm2d(32)(conv(x))
        return sum(size for size, _ in sizes.values())

    ours = kept_bytes(
        DecoupledConv2d(32, 32, 3, 1, 1, magnitude=magnitude, angle=angle)
    )
    ordinary = kept_bytes(nn.Conv2d(32, 32, 3, padding=1, bias=False))
    # r, the energy and its box sum have one channel for 64 of input and output.
    assert ordinary < ours < 1.06 * ordinary


def test_inference_mode_equals_evaluation():
    conv, x = build().eval(), image()
    with torch.inference_mode():
        found = conv(x)
    assert_close(found, conv(x))


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
@pytest.mark.parametrize('after', [kept, overwritten])
def test_gradients_under_autocast_follow_float32(after, dtype):
    conv = build(16, 8, 3, dtype=torch.float32)
    x = image(2, 16, 6, 6, dtype=torch.float32)
    exact = gradients(conv, x, after)
    with torch.autocast('cpu', dtype=dtype):
        low = gradients(conv, x, after)
    for found, expected in zip(low, exact, strict=True):
        assert (found - expected).norm() < 0.03 * expected.norm()
        assert found.dtype == expected.dtype or expected is exact[0]


# Primitives


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_positive_tanh_is_exact_from_tiny_to_huge(dtype):
    r = torch.logspace(-30, 2, 500, dtype=dtype, requires_grad=True)
    slope = torch.tensor([[1.0], [0.25]], dtype=dtype, requires_grad=True)
    y = primitives.positive_tanh(r, slope)
    expected = [[math.tanh(v * s) for v in r.tolist()] for s in (1, 0.25)]
    expected = torch.tensor(expected, dtype=dtype)
    assert_close(y, expected, rtol=4 * torch.finfo(dtype).eps, atol=0)
    y.sum().backward()
    rest = 1 - expected**2
    assert_close(r.grad, rest[0] + 0.25 * rest[1])
    assert_close(slope.grad, (rest * r.detach()).sum(1, keepdim=True))
    assert primitives.positive_tanh(torch.zeros(1), torch.ones(1)) == 0


def test_energy_of_each_group_and_position(monkeypatch):
    monkeypatch.setattr(primitives, 'TILE', 25)
    x = image(3, 4, 2, 3)
    same, energy = primitives.with_energy(x, 2)
    assert same.data_ptr() == x.data_ptr()
    assert_close(energy[2, 1, 1, 0], x[2, 2, 1, 0] ** 2 + x[2, 3, 1, 0] ** 2)
    assert_close(energy[0, 0, 0, 2], x[0, 0, 0, 2] ** 2 + x[0, 1, 0, 2] ** 2)


@pytest.mark.parametrize('groups', [1, 2])
def test_gradients_of_both_uses_of_the_input_add_up(groups):
    def both(x):
        same, energy = primitives.with_energy(x, groups)
        return (same * same * same).sum() + energy.sin().sum()

    x = image(3, 4, 2, 3)
    assert gradcheck(both, x)
    assert gradgradcheck(both, x)
    (expected,) = torch.autograd.grad(both(x), x)
    half = x.detach().bfloat16().requires_grad_()
    both(half).backward()
    assert_close(half.grad.double(), expected, rtol=0.03, atol=0.1)


def test_smaller_and_its_gradients():
    x = torch.tensor([[1.0], [2.0], [3.0]], requires_grad=True)
    bound = torch.tensor([2.0, 2.5], requires_grad=True)
    y = primitives.smaller(x, bound)
    assert_close(y, torch.tensor([[1.0, 1.0], [2.0, 2.0], [2.0, 2.5]]))
    (y * torch.tensor([[1.0, 2.0], [4.0, 8.0], [16.0, 32.0]])).sum().backward()
    assert_close(x.grad, torch.tensor([[3.0], [12.0], [0.0]]))  # equal: to x
    assert_close(bound.grad, torch.tensor([16.0, 32.0]))


def test_signed_square_and_its_derivatives():
    x = torch.tensor([-3.0, -0.5, 0.0, 2.0], dtype=torch.float64, requires_grad=True)
    y = primitives.signed_square(x)
    assert_close(y, torch.tensor([-9, -0.25, 0, 4], dtype=torch.float64))
    (slope,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    assert_close(slope, torch.tensor([6, 1, 0, 4], dtype=torch.float64))
    (curvature,) = torch.autograd.grad(slope.sum(), x)
    assert_close(curvature, torch.tensor([-2, -2, 0, 2], dtype=torch.float64))


def test_tiles_cut_all_maps_alike_and_lose_nothing(monkeypatch):
    monkeypatch.setattr(primitives, 'TILE', 24)
    big, small = torch.randn(5, 3, 4), torch.randn(5, 1)
    parts = list(primitives.tiles(big, small))
    assert [len(a) for a, _ in parts] == [len(b) for _, b in parts] == [2, 2, 1]
    assert_close(torch.cat([a for a, _ in parts]), big)
    assert len(list(primitives.tiles(big[:0], small[:0]))) == 1


def test_write_detector_sees_every_write_and_keeps_no_memory():
    x = torch.ones(200)
    detector = primitives.WriteDetector(x)
    assert not detector.written()
    assert detector.counter.untyped_storage().nbytes() == 0
    x[3:5].mul_(2)
    assert detector.written()
