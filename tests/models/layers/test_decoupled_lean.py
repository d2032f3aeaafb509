from io import BytesIO

import pytest
import torch
from torch import nn
from torch.autograd import gradgradcheck
from torch.testing import assert_close
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode

from mmadf.models import DecoupledConv2d
from mmadf.models.layers.decoupled import functional
from tests.helpers import randomise
from tests.models.layers.decoupled_oracle import PAIRS


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


@pytest.mark.parametrize('after', [kept, overwritten])
@pytest.mark.parametrize(('magnitude', 'angle'), PAIRS)
def test_lean_equals_plain(magnitude, angle, after, monkeypatch):
    operator = dict(magnitude=magnitude, angle=angle, alpha=1.3, beta=0.4)
    conv, x = build(4, 6, 3, groups=2, stride=2, **operator), image()
    lean = gradients(conv, x, after)
    monkeypatch.setattr(functional, 'is_traced', lambda: True)
    assert_close(lean, gradients(conv, x, after))


@pytest.mark.parametrize(
    ('magnitude', 'alpha', 'beta'),
    [('tanh', -0.7, 0.5), ('ball', 0.0, 0.5), ('mix', 0.5, -1.2)],
)
def test_lean_equals_plain_for_any_sign(magnitude, alpha, beta, monkeypatch):
    conv, x = build(magnitude=magnitude, alpha=alpha, beta=beta), image()
    lean = gradients(conv, x, kept)
    monkeypatch.setattr(functional, 'is_traced', lambda: True)
    assert_close(lean, gradients(conv, x, kept))


def test_one_radius_for_all_kernels_gets_the_sum_of_their_gradients(monkeypatch):
    conv, x = build(radius='layer', groups=2), image()
    lean = gradients(conv, x, kept)
    monkeypatch.setattr(functional, 'is_traced', lambda: True)
    assert_close(lean, gradients(conv, x, kept))


@pytest.mark.parametrize(('after', 'again'), [(kept, 0), (gone, 0), (overwritten, 1)])
def test_products_are_computed_again_only_where_the_output_was_overwritten(
    after, again
):
    conv, x = build(), image()
    with FlopCounterMode(display=False) as forward:
        y = after(conv(x))
    with FlopCounterMode(display=False) as backward:
        y.sum().backward()
    products = 3 * 4 * 3 * 6 * 4 * 9 * 2  # positions, kernels, weights, FLOPs
    norms = 3 * 4 * 3 * 9 * 2
    assert forward.get_total_flops() == products + norms
    both = 2 * products + norms  # of input and kernels; the window of ones has none
    assert backward.get_total_flops() == both + again * products


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


def test_traced_layer_is_saved_and_takes_other_batches():
    conv, x = build().eval(), image(5, 4, 6, 5).detach()
    file = BytesIO()
    torch.jit.save(torch.jit.trace(conv, x[:2]), file)
    file.seek(0)
    assert_close(torch.jit.load(file)(x), conv(x))


@pytest.mark.parametrize('frozen', ['weight', 'x'])
def test_frozen_tensors_leave_the_other_gradients(frozen):
    conv, x = build(radius_unit='absolute'), image()
    tensors = dict(x=x, weight=conv.weight, radius=conv.operator.radius)
    kept(conv(x)).sum().backward()
    full = {name: tensor.grad.clone() for name, tensor in tensors.items()}
    for tensor in tensors.values():
        tensor.grad = None
    tensors[frozen].requires_grad_(False)
    kept(conv(x)).sum().backward()
    assert tensors.pop(frozen).grad is None
    for name, tensor in tensors.items():
        assert_close(tensor.grad, full[name])


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    ('magnitude', 'angle'),
    [('tanh', 'cosine'), ('segmented', 'square_cosine'), ('sphere', 'linear')],
)
def test_before_a_norm_hardly_more_is_kept_than_by_an_ordinary_convolution(
    magnitude, angle, dtype
):
    def kept_bytes(conv):
        sizes = {}

        def pack(x):
            storage = x.untyped_storage()
            sizes[storage._cdata] = storage.nbytes(), x
            return x

        x = image(4, 32, 16, 16, dtype=dtype)
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
            nn.BatchNorm2d(32).to(dtype)(conv.to(dtype)(x))
        return sum(size for size, _ in sizes.values())

    ours = kept_bytes(
        DecoupledConv2d(32, 32, 3, 1, 1, magnitude=magnitude, angle=angle)
    )
    ordinary = kept_bytes(nn.Conv2d(32, 32, 3, padding=1, bias=False))
    # The norms have one channel, in float32, for 64 of input and output.
    assert ordinary < ours < 1.12 * ordinary


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


@pytest.mark.parametrize('after', [kept, overwritten])
@pytest.mark.parametrize('tile', [1, 144])  # elements; an image has 72
def test_tiles_of_the_batch_give_the_same(tile, after, monkeypatch):
    operator = dict(magnitude='weighted_tanh', angle='learnable_sigmoid')
    conv, x = build(4, 6, 3, groups=2, **operator), image()
    whole = gradients(conv, x, after)
    monkeypatch.setattr('mmadf.models.layers.decoupled.lean.TILE', tile)
    assert_close(gradients(conv, x, after), whole)
