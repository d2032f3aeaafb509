from pathlib import Path

import numpy as np
import pytest
import torch
from mmcv.cnn import ConvModule, build_conv_layer
from torch import nn
from torch.autograd import gradcheck
from torch.testing import assert_close
from torch.utils.checkpoint import checkpoint

from mmadf.models import DecoupledConv2d, DecoupledLinear
from mmadf.models.layers import decoupled_conv2d
from mmadf.models.layers.decoupled import ANGLES, MAGNITUDES, patch_norm
from tests.helpers import randomise
from tests.models.layers.decoupled_oracle import PAIRS, slow_conv

# Made by running wy1iu/DCNets; float32, so 1e-5 of the largest element.
OFFICIAL = np.load(Path(__file__).parents[2] / 'data' / 'dcnets_official.npz')
# Made by running B-cos/B-cos-v2 at commit 9a849c9 in float64: exponent 2, no MaxOut,
# kernels so large that the 1e-4 which ours adds to their squared norms is small.
B_COS = np.load(Path(__file__).parents[2] / 'data' / 'bcos_official.npz')
OPERATORS = dict(
    linear_cos=('linear', 'cosine'),
    linear_sqcos_wo_bn=('linear', 'square_cosine'),
    tanh_cos=('tanh', 'cosine'),
    ball_cos=('ball', 'cosine'),
    seg_cos=('segmented', 'cosine'),
)


def build(*sizes, **choices):
    """Return a layer in float64 with random parameters, none of them zero."""
    return randomise(DecoupledConv2d(*(sizes or (4, 6, 3)), **choices), 1.0).double()


def norms(conv, x):
    return patch_norm(x, conv.kernel_size, conv.stride, conv.padding, conv.dilation)


def image(n=2, c=4, h=6, w=5, dtype=torch.float64):
    return torch.randn(n, c, h, w, dtype=dtype)


# Value: the official code


@pytest.mark.parametrize('case', ['0', '1', '2'])
@pytest.mark.parametrize('operator', OPERATORS)
def test_official_outputs_and_gradients(case, operator):
    arrays = {name: torch.from_numpy(OFFICIAL[f'{case}/{name}']) for name in ('x', 'w')}
    x, w = arrays['x'].requires_grad_(), arrays['w']
    magnitude, angle = OPERATORS[operator]
    conv = DecoupledConv2d(
        *(w.shape[1], w.shape[0], w.shape[-1]),
        stride=int(OFFICIAL[f'{case}/stride']),
        padding=w.shape[-1] // 2,
        magnitude=magnitude,
        angle=angle,
    )
    with torch.no_grad():
        conv.weight.copy_(w)
        if conv.operator.radius is not None:
            radius = OFFICIAL[f'{case}/radius'].reshape(-1)
            conv.operator.radius.copy_(torch.from_numpy(radius))
    y = conv(x)
    (y * torch.from_numpy(OFFICIAL[f'{case}/gy'])).sum().backward()
    found = dict(y=y.detach(), gx=x.grad, gw=conv.weight.grad)
    if conv.operator.radius is not None:
        found['gradius'] = conv.operator.radius.grad
    for name, value in found.items():
        official = torch.from_numpy(OFFICIAL[f'{case}/{operator}/{name}'])
        error = (value - official.reshape(value.shape)).abs().max()
        assert error <= 1e-5 * official.abs().max(), name


# Value: loops

GEOMETRIES = dict(
    plain={},
    padded=dict(padding=1),
    strided=dict(stride=2, padding=1),
    uneven=dict(stride=(2, 1), padding=(1, 0), dilation=(1, 2)),
    groups=dict(groups=2, padding=1),
    same=dict(padding='same', dilation=(2, 1)),
    valid=dict(padding='valid'),
    reflect=dict(padding=1, padding_mode='reflect'),
    circular=dict(padding=(1, 2), padding_mode='circular', groups=2),
    replicate=dict(padding=1, padding_mode='replicate', stride=2),
    biased=dict(bias=True),
)


@pytest.mark.parametrize(('magnitude', 'angle'), PAIRS)
def test_every_operator_equals_loop(magnitude, angle):
    conv = build(magnitude=magnitude, angle=angle, k=0.3, alpha=1.3, beta=0.4)
    x = image(n=1, h=4)
    assert_close(conv(x), slow_conv(conv, x))


@pytest.mark.parametrize('geometry', GEOMETRIES)
def test_every_geometry_equals_loop(geometry):
    operator = dict(magnitude='weighted_tanh', angle='square_cosine')
    conv = build(**operator, **GEOMETRIES[geometry])
    x = image()
    y = conv(x)
    plain = nn.Conv2d(4, 6, 3, **GEOMETRIES[geometry]).double()
    assert y.shape == plain(x).shape
    assert_close(y, slow_conv(conv, x))


@pytest.mark.parametrize(
    ('built', 'later'),
    [
        (dict(padding=1), dict(dilation=(2, 2), padding=(2, 2))),
        (dict(padding=1), dict(stride=(2, 2))),
        (dict(padding='same'), dict(dilation=(2, 2))),
        (dict(padding='valid', stride=2), dict(stride=(1, 1))),
    ],
)
def test_geometry_that_a_host_sets_later_counts(built, later):
    conv = build(4, 6, (3, 2), **built)
    fresh = DecoupledConv2d(4, 6, (3, 2), **{**built, **later}).double()
    fresh.load_state_dict(conv.state_dict())
    for name, value in later.items():
        setattr(conv, name, value)
    x = image()
    assert_close(conv(x), fresh(x), rtol=0, atol=0)


@pytest.mark.parametrize(
    ('kernel_size', 'padding'), [(1, 1), (1, 'same'), ((1, 3), 1), ((4, 2), 'same')]
)
def test_kernel_sizes_equal_loop(kernel_size, padding):
    conv, x = build(4, 6, kernel_size, padding=padding), image()
    assert_close(conv(x), slow_conv(conv, x))


def test_depthwise_equals_loop():
    conv, x = build(4, 8, 3, groups=4, padding=1, magnitude='ball'), image()
    assert_close(conv(x), slow_conv(conv, x))


@pytest.mark.parametrize('radius', ['kernel', 'layer', 0.7])
@pytest.mark.parametrize('radius_unit', ['mean_norm', 'absolute'])
def test_every_radius_equals_loop(radius, radius_unit):
    conv = build(magnitude='ball', radius=radius, radius_unit=radius_unit)
    x = image()
    assert_close(conv(x), slow_conv(conv, x))
    shapes = {name: p.shape for name, p in conv.operator.named_parameters()}
    assert shapes == dict(kernel=dict(radius=(6,)), layer=dict(radius=(1,))).get(
        radius, {}
    )


# Laws


@pytest.mark.parametrize('bias', [False, True])
def test_layer_is_the_public_function_of_its_parameters(bias):
    conv = build(groups=2, stride=2, padding='valid', bias=bias, angle='sigmoid', k=0.3)
    x = image()
    r = patch_norm(x, (3, 3), 2, 'valid', groups=2)
    rho = (conv.operator.radius.square() + 1e-4) * r.mean()
    options = dict(rho=rho, k=torch.tensor([0.3]).double(), angle='sigmoid')
    geometry = dict(stride=2, padding='valid', groups=2)
    found = decoupled_conv2d(x, conv.weight, conv.bias, **geometry, **options)
    assert_close(conv(x), found)


def plain_and_norms(conv, x):
    r = norms(conv, x)
    w = conv.weight
    q = (w.square().sum((1, 2, 3), keepdim=True) + 1e-4).sqrt()
    return torch.nn.functional.conv2d(x, w / q), r


def test_linear_cosine_is_a_convolution_with_normalised_kernels():
    conv, x = build(magnitude='linear'), image()
    assert_close(conv(x), plain_and_norms(conv, x)[0])


def test_linear_square_cosine_is_b_cos_with_exponent_two():
    conv, x = build(magnitude='linear', angle='square_cosine'), image()
    y, r = plain_and_norms(conv, x)
    assert_close(conv(x), y * (y / r).abs() ** (2 - 1))


@pytest.mark.parametrize('case', ['plain', 'strided', 'grouped', 'pointwise'])
def test_linear_square_cosine_is_the_layer_of_b_cos(case):
    found = {
        name: torch.from_numpy(B_COS[f'{case}/{name}']).double()
        for name in ('x', 'w', 'y', 'dy', 'dx', 'dw')
    }
    x, w = found['x'].requires_grad_(), found['w']
    stride, padding, groups = (
        int(B_COS[f'{case}/{name}']) for name in ('stride', 'padding', 'groups')
    )
    conv = DecoupledConv2d(
        *(x.shape[1], len(w), w.shape[-1], stride, padding),
        groups=groups,
        magnitude='linear',
        angle='square_cosine',
    ).double()
    with torch.no_grad():
        conv.weight.copy_(w)
    y = conv(x)
    y.backward(found['dy'])
    for ours, theirs in ((y, 'y'), (x.grad, 'dx'), (conv.weight.grad, 'dw')):
        largest = float(found[theirs].abs().max())
        assert largest > 0.1
        assert_close(ours, found[theirs], rtol=0, atol=1e-4 * largest)


def twins(one, other):
    """Return two layers with equal parameters."""
    a, b = build(**one), build(**other)
    b.load_state_dict(a.state_dict())
    return a, b


def test_segmented_without_second_slope_is_ball_times_radius():
    seg, ball = twins(dict(magnitude='segmented', beta=0.0), dict(magnitude='ball'))
    x = image()
    rho = ball.operator.rho(norms(ball, x)).flatten()[:, None, None]
    assert_close(seg(x), ball(x) * rho)


def test_ball_with_a_huge_radius_is_linear():
    x = image()
    ball = build(magnitude='ball', radius=1e6, radius_unit='absolute')
    lin = build(magnitude='linear')
    lin.weight = ball.weight
    assert_close(ball(x) * 1e6, lin(x))


def test_segmented_with_equal_slopes_is_linear():
    seg = build(magnitude='segmented', alpha=0.8, beta=0.8)
    lin = build(magnitude='linear', alpha=0.8)
    lin.weight, x = seg.weight, image()
    assert_close(seg(x), lin(x))


@pytest.mark.parametrize('magnitude', ['sphere', 'ball', 'tanh'])
def test_bounded_operators_are_bounded_and_ignore_the_scale_of_the_input(magnitude):
    conv, x = build(magnitude=magnitude, alpha=1.5), 100 * image()
    assert conv(x).abs().max() <= 1.5
    assert_close(conv(x), conv(1000 * x), rtol=1e-5, atol=1e-5)


def test_linear_operator_scales_with_the_input():
    conv, x = build(magnitude='linear', angle='square_cosine'), 100 * image()
    assert_close(conv(7 * x), 7 * conv(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('magnitude', ['tanh', 'linear', 'weighted_linear'])
def test_scale_of_the_kernels_counts_in_weighted_operators_alone(magnitude):
    conv, x = build(magnitude=magnitude), image()
    before = conv(x)
    with torch.no_grad():
        conv.weight.mul_(3)
    changed = (conv(x) - before).abs().max() > 1e-2
    assert changed == magnitude.startswith('weighted')


@pytest.mark.parametrize('angle', ANGLES)
def test_angles_are_odd_and_reach_plus_and_minus_one(angle):
    cos = torch.tensor([-1.0, -0.6, 0.0, 0.6, 1.0], dtype=torch.float64)
    g = ANGLES[angle].function(cos, torch.tensor(0.4, dtype=torch.float64))
    assert_close(g, -g.flip(0), rtol=0, atol=1e-12)
    assert_close(g[-1].item(), 1.0, rtol=0, atol=2e-3)


def test_parameters_are_those_of_a_convolution_and_a_radius_per_kernel():
    conv = DecoupledConv2d(4, 6, 3)
    shapes = {name: tuple(p.shape) for name, p in conv.named_parameters()}
    assert shapes == {'weight': (6, 4, 3, 3), 'operator.radius': (6,)}


# Gradient


@pytest.mark.parametrize(('magnitude', 'angle'), PAIRS)
def test_gradcheck(magnitude, angle):
    conv = build(2, 2, 2, magnitude=magnitude, angle=angle, bias=True, groups=2)
    x = image(n=1, c=2, h=3, w=3).requires_grad_()
    names, values = zip(*conv.named_parameters(), strict=True)

    def response(x, *values):
        parameters = dict(zip(names, values, strict=True))
        return torch.func.functional_call(conv, parameters, (x,))

    assert gradcheck(response, (x, *values))


@pytest.mark.parametrize(('magnitude', 'angle'), PAIRS)
def test_degenerate_inputs_give_finite_gradients(magnitude, angle):
    conv = DecoupledConv2d(3, 4, 3, magnitude=magnitude, angle=angle)
    with torch.no_grad():
        conv.weight[0] = 0
        conv.weight[1] *= 1e4
    x = torch.randn(3, 3, 3, 3)
    x[0] = 0  # an empty patch
    x[1] = conv.weight[1].detach()  # cos = 1
    x[2] = -x[1]
    x.requires_grad_()
    y = conv(x)
    assert torch.isfinite(y).all()
    y.sum().backward()
    assert torch.isfinite(x.grad).all()
    for name, parameter in conv.named_parameters():
        assert torch.isfinite(parameter.grad).all(), name


@pytest.mark.parametrize('angle', ANGLES)
def test_slope_of_the_angle_is_finite_where_rounding_reaches_one(angle):
    cos = torch.tensor([1.0, -1.0, 1 + 1e-6], requires_grad=True)
    ANGLES[angle].function(cos, torch.tensor(0.4)).sum().backward()
    assert torch.isfinite(cos.grad).all()


# State


def test_moving_average_is_the_mean_at_first_and_then_follows_slowly():
    conv = DecoupledConv2d(4, 6, 3, decay=0.75)
    means = []
    for scale in (1, 2, 3, 4):
        x = scale * image(dtype=torch.float32)
        means.append(norms(conv, x).mean())
        conv(x)
    assert conv.operator.num_batches == 4
    assert_close(conv.operator.mean_norm, torch.stack(means).mean())
    x = image(dtype=torch.float32)
    expected = 0.75 * conv.operator.mean_norm + 0.25 * norms(conv, x).mean()
    conv(x)
    assert_close(conv.operator.mean_norm, expected)


def test_evaluation_uses_the_moving_average_and_leaves_it():
    conv, x = DecoupledConv2d(4, 6, 3), image(dtype=torch.float32)
    trained = conv(x)
    conv.eval()
    assert_close(conv(x), trained)  # after one batch the average is that batch's mean
    conv(5 * x)
    assert conv.operator.num_batches == 1
    with torch.no_grad():
        conv.operator.mean_norm.mul_(2)
    assert (conv(x) - trained).abs().max() > 1e-2


def test_a_training_pass_before_the_backward_pass_of_evaluation_changes_nothing():
    """As in losses that compare an image in evaluation with another in training."""
    conv = DecoupledConv2d(4, 6, 3)
    x = image(dtype=torch.float32)
    conv(x)
    evaluated, parameters = conv.eval()(x).square().sum(), list(conv.parameters())
    expected = torch.autograd.grad(evaluated, parameters, retain_graph=True)
    conv.train()(5 * x)
    grads = torch.autograd.grad(evaluated, parameters)
    assert_close(grads, expected, rtol=0, atol=0)


@pytest.mark.parametrize('use_reentrant', [False, True])
def test_checkpointing_counts_a_batch_once(use_reentrant):
    conv = DecoupledConv2d(4, 6, 3)
    plain = DecoupledConv2d(4, 6, 3)
    plain.load_state_dict(conv.state_dict())
    for _ in range(2):
        x = image(dtype=torch.float32).requires_grad_()
        checkpoint(conv, x, use_reentrant=use_reentrant).sum().backward()
        plain(x.detach()).sum().backward()
    assert conv.operator.num_batches == 2
    assert_close(conv.operator.mean_norm, plain.operator.mean_norm)
    assert_close(conv.operator.radius.grad, plain.operator.radius.grad)


def test_ema_model_gets_the_moving_average():
    from mmengine.model import ExponentialMovingAverage

    conv = DecoupledConv2d(4, 6, 3)
    ema = ExponentialMovingAverage(conv)
    conv(image(dtype=torch.float32))
    ema.update_parameters(conv)
    assert_close(ema.module.operator.mean_norm, conv.operator.mean_norm)


def test_state_dict_round_trip():
    one, other, x = build(), build(), image()
    one(x)
    other.load_state_dict(one.state_dict())
    assert_close(other.eval()(x), one.eval()(x))


def test_memory_layouts_and_empty_batch():
    conv, x = build(padding=1), image()
    expected = conv(x)
    found = conv(x.to(memory_format=torch.channels_last))
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert_close(found, expected)
    assert_close(conv(x.transpose(2, 3).contiguous().transpose(2, 3)), expected)
    before = conv.operator.mean_norm.clone()
    assert conv(x[:0]).shape == (0, 6, 6, 5)
    assert conv.operator.mean_norm == before


@pytest.mark.parametrize(
    ('dtype', 'magnitude'),
    [(torch.float16, 'tanh'), (torch.float16, 'segmented'), (torch.bfloat16, 'ball')],
)
def test_autocast_neither_overflows_nor_strays(dtype, magnitude):
    conv = DecoupledConv2d(64, 8, 3, magnitude=magnitude)
    x = 1e3 * torch.rand(2, 64, 6, 6)
    exact = conv(x)
    with torch.autocast('cpu', dtype=dtype):
        low = conv(x)
        half = conv(x.to(dtype))
    assert low.dtype == dtype
    tolerance = 3e-2 * exact.abs().max().item()
    assert_close(low.float(), exact, rtol=0.03, atol=tolerance)
    assert_close(half.float(), exact, rtol=0.03, atol=tolerance)
    low.float().sum().backward()
    assert torch.isfinite(conv.weight.grad).all()


@pytest.mark.parametrize('angle', ['cosine', 'linear'])
def test_meta_device_gives_shapes(angle):
    conv = DecoupledConv2d(4, 6, 3, groups=2, angle=angle).to('meta')
    assert conv(torch.empty(2, 4, 6, 5, device='meta')).shape == (2, 6, 4, 3)
    linear = DecoupledLinear(4, 6, angle=angle).to('meta')
    assert linear(torch.empty(2, 4, device='meta')).shape == (2, 6)


# Host and compilers


def test_builds_where_mmcv_looks():
    cfg = dict(type='DecoupledConv2d', magnitude='ball', angle='sigmoid')
    conv = build_conv_layer(cfg, 3, 4, 3)
    assert (conv.operator.magnitude, conv.operator.angle) == ('ball', 'sigmoid')
    block = ConvModule(4, 8, 3, groups=2, conv_cfg=cfg, norm_cfg=dict(type='BN'))
    assert isinstance(block.conv, DecoupledConv2d)
    x = torch.randn(2, 4, 5, 5)
    assert_close(block(x), block.bn(block.conv(x)).relu())


@pytest.mark.slow
@pytest.mark.parametrize('training', [True, False])
def test_compiled_without_graph_break_gives_the_same(training):
    conv = randomise(DecoupledConv2d(4, 6, 3, padding=1)).train(training)
    x = image(dtype=torch.float32)
    compiled = torch.compile(conv, fullgraph=True)(x)
    assert_close(compiled, conv(x), rtol=1e-4, atol=1e-5)


def test_exported_program_gives_the_same():
    conv = randomise(DecoupledConv2d(4, 6, 3, padding=1)).eval()
    x = image(dtype=torch.float32)
    batch = torch.export.Dim('batch', min=1, max=64)
    program = torch.export.export(conv, (x,), dynamic_shapes=({0: batch},))
    more = torch.cat([x, x, x])
    assert_close(program.module()(more), conv(more))


# Errors


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(magnitude='cube'), "^DecoupledOperator: magnitude='cube' must be one of"),
        (dict(angle='sine'), "angle='sine' must be one of"),
        (dict(radius='pixel'), "radius='pixel' must be one of"),
        (dict(radius=0), 'radius=0 must be .* > 0'),
        (dict(radius_unit='pixel'), "radius_unit='pixel' must be one of"),
        (dict(k=-1), 'k=-1 must be .* > 0'),
        (dict(decay=1), r'decay=1 must be .* in \[0, 1\)'),
        (dict(magnitude=['tanh']), r"magnitude=\['tanh'\] must be one of"),
        (dict(radius=None), 'radius=None must be a finite number'),
        (dict(radius=float('inf')), 'radius=inf must be a finite number'),
        (dict(alpha='1'), "alpha='1' must be a finite number"),
        (dict(beta=float('nan')), 'beta=nan must be a finite number'),
        (dict(k=None), 'k=None must be a finite number'),
        (dict(groups=3), 'divisible by groups'),
    ],
)
def test_bad_arguments_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        DecoupledConv2d(2, 4, 3, **changes)


@pytest.mark.parametrize('groups', [1, 2])
def test_input_of_other_channels_is_refused(groups):
    with pytest.raises(ValueError, match=r'\(2, 3, 5, 5\) must be \(N, 4, H, W\)'):
        build(groups=groups)(image(2, 3, 5, 5))


def test_input_without_batch_is_refused():
    with pytest.raises(ValueError, match=r'shape \(3, 5, 5\) must be .*x\[None\]'):
        DecoupledConv2d(3, 4, 3)(torch.randn(3, 5, 5))


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(magnitude='cube'), "magnitude='cube' and angle='cosine' must be in"),
        (dict(), r"rho=None \(the radius\) must be a tensor .* for magnitude='tanh'"),
        (dict(rho=5.0), r'rho=5.0 \(the radius\) must be a tensor of shape \(K,\)'),
        (dict(rho=torch.tensor(5.0)), r'rho=tensor of shape \(\) .*here K=6'),
        (dict(rho=torch.ones(3)), r'rho=tensor of shape \(3,\) .*here K=6'),
        (dict(magnitude='log', angle='sigmoid'), r"k=None \(the curv.*='sigmoid'"),
        (dict(magnitude='log', padding='circular'), "='circular' must be 'same', 'val"),
        (
            dict(magnitude='log', padding='same', stride=2),
            "'same' requires stride=1, got 2",
        ),
    ],
)
def test_function_names_what_is_missing_or_not_allowed(options, message):
    with pytest.raises(ValueError, match=message):
        decoupled_conv2d(image(), torch.randn(6, 4, 3, 3).double(), **options)


def test_function_names_the_shape_of_input_and_kernels():
    x, weight, rho = image(), torch.randn(6, 4, 3, 3).double(), torch.ones(6).double()
    with pytest.raises(ValueError, match=r'x of shape .* must be \(N, C, H, W\)'):
        decoupled_conv2d(x[0], weight, rho=rho)
    with pytest.raises(ValueError, match=r'weight of shape \(4, 3, 3\) must be \(K'):
        decoupled_conv2d(x, weight[0], rho=rho)


@pytest.mark.parametrize('magnitude', MAGNITUDES)
def test_negative_alpha_equals_loop(magnitude):
    conv, x = build(magnitude=magnitude, alpha=-0.7), image(n=1, h=4)
    assert_close(conv(x), slow_conv(conv, x))


@pytest.mark.parametrize('kernel_size', [(2, 3), (3, 2)])
def test_same_padding_of_one_even_side_equals_loop(kernel_size):
    conv, x = build(4, 6, kernel_size, padding='same'), image()
    assert conv(x).shape[2:] == x.shape[2:]
    assert_close(conv(x), slow_conv(conv, x))
