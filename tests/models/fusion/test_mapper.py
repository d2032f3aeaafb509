import math

import pytest
import torch
from mmpretrain.registry import MODELS
from torch.autograd import gradcheck
from torch.testing import assert_close

from mmadf.models import Mapper
from tests.helpers import named, randomise

NO_NORM = dict(norm_cfg=None, act_cfg=dict(type='Tanh'))


def build(**changes):
    cfg = dict(sources=(0, 1), in_channels=(2, 3), out_channels=4, strides=(4, 2))
    return Mapper(**{**cfg, **changes})


def inputs(size=3, dtype=torch.float32):
    appearance = [
        torch.randn(2, c, size * r, size * r, dtype=dtype) for c, r in ((2, 4), (3, 2))
    ]
    return appearance, torch.randn(2, 4, size, size, dtype=dtype)


def loop_separable(x, block, stride):
    """Depthwise 3 x 3 with padding 1 and tanh, then 1 x 1, by loops; no last tanh."""
    kernel, bias = block.depthwise_conv.conv.weight, block.depthwise_conv.conv.bias
    mix, mix_bias = block.pointwise_conv.conv.weight, block.pointwise_conv.conv.bias
    n, c, h, w = x.shape
    out_h, out_w = math.ceil(h / stride), math.ceil(w / stride)
    deep = torch.zeros(n, c, out_h, out_w, dtype=x.dtype)
    for i in range(out_h):
        for j in range(out_w):
            value = bias.expand(n, c).clone()
            for u in range(3):
                for v in range(3):
                    y, z = i * stride + u - 1, j * stride + v - 1
                    if 0 <= y < h and 0 <= z < w:
                        value += kernel[:, 0, u, v] * x[:, :, y, z]
            deep[:, :, i, j] = torch.tanh(value)
    out = torch.zeros(n, mix.shape[0], out_h, out_w, dtype=x.dtype)
    for k in range(mix.shape[0]):
        for m in range(c):
            out[:, k] += mix[k, m, 0, 0] * deep[:, m]
        out[:, k] += mix_bias[k]
    return out


@pytest.mark.parametrize('form, opening', [('residual', 0.5), ('convex', 0.982)])
def test_a_fresh_gate_is_half_open_or_keeps_the_semantic_features(form, opening):
    s, a = torch.randn(2, 2, 4, 6, 6)
    gate = build(fusion=form).gate(s, a)
    assert_close(gate, torch.full_like(gate, opening), rtol=0, atol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize('form', ['residual', 'convex'])
def test_mapper_equals_loop(form):
    mapper = randomise(build(fusion=form, gate='layer', **NO_NORM)).double()
    appearance, s = inputs(dtype=torch.float64)
    total = 0
    for path, x in zip(mapper.paths, appearance, strict=True):
        for block in path.steps[:-1]:
            x = torch.tanh(loop_separable(x, block, stride=2))
        total = total + loop_separable(x, path.steps[-1], stride=1)
    g = 1 / (1 + math.exp(-mapper.gate.logit.item()))
    expected = s + g * total if form == 'residual' else g * s + (1 - g) * total
    assert_close(mapper(appearance, s), expected)


@pytest.mark.parametrize('gate', ['element', 'channel', 'spatial', 'layer'])
def test_mapper_gradcheck(gate):
    mapper = randomise(build(gate=gate, **NO_NORM)).double()
    (x, y), s = inputs(size=1, dtype=torch.float64)
    x, y, s = (t[:1].requires_grad_() for t in (x, y, s))
    assert gradcheck(lambda x, y, s: mapper([x, y], s), (x, y, s))


def test_fresh_residual_mapper_is_the_identity():
    appearance, s = inputs()
    assert_close(build()(appearance, s), s, rtol=0, atol=0)


def test_fresh_convex_mapper_scales_the_semantic_map():
    appearance, s = inputs()
    assert_close(build(fusion='convex')(appearance, s), s / (1 + math.exp(-4)))


OUTER = [
    dict(type='Constant', layer='BatchNorm2d', val=1, bias=1),
    dict(type='TruncNormal', layer='Conv2d', std=0.5, bias=0.0),
]


def test_zero_init_survives_an_outer_initialisation():
    for form, start in [('residual', 1), ('convex', 0.982014)]:
        for norm_cfg in [dict(type='BN'), None]:
            for outer in OUTER:
                with named((form, norm_cfg, outer)):
                    mapper = build(init_cfg=outer, fusion=form, norm_cfg=norm_cfg)
                    mapper.init_weights()
                    appearance, s = inputs()
                    assert_close(mapper(appearance, s), start * s)


def test_gate_bias_survives_an_outer_initialisation():
    for gate in ['element', 'channel', 'spatial', 'layer']:
        with named(gate):
            mapper = build(init_cfg=OUTER, gate=gate, gate_bias=-1.0)
            mapper.init_weights()
            s, a = torch.randn(2, 2, 4, 6, 6)
            g = mapper.gate(s, a)
            assert_close(g, torch.full_like(g, 1 / (1 + math.e)))


def test_without_zero_init_appearance_is_there_at_once():
    appearance, s = inputs()
    change = build(zero_init=False)(appearance, s) - s
    assert change.abs().mean() > 0.1


def test_a_zero_initialised_norm_must_learn():
    for norm_cfg in (dict(type='BN', requires_grad=False), dict(type='IN')):
        with named(norm_cfg), pytest.raises(ValueError, match='weights that are trai'):
            build(norm_cfg=norm_cfg)
    frozen = dict(type='BN', requires_grad=False)
    mapper = build(norm_cfg=frozen, zero_init=False)
    appearance, s = inputs()
    assert (mapper(appearance, s) - s).abs().mean() > 0.1


def test_without_zero_init_the_norm_needs_no_weights():
    norm_cfg = dict(type='IN', affine=False)
    mapper = build(zero_init=False, norm_cfg=norm_cfg)
    mapper.init_weights()
    appearance, s = inputs()
    mapped = mapper.paths[0](appearance[0])
    assert_close(mapped.mean((0, 2, 3)), torch.zeros(4), rtol=0, atol=1e-5)
    assert (mapper(appearance, s) - s).abs().mean() > 0.1


@pytest.mark.parametrize('form', ['residual', 'convex'])
def test_appearance_comes_in_after_one_step(form):
    mapper = build(fusion=form)
    appearance, s = inputs()
    swapped = [x.flip(0) for x in appearance]
    assert_close(mapper(appearance, s), mapper(swapped, s), rtol=0, atol=0)
    (mapper(appearance, s) * torch.randn_like(s)).sum().backward()
    torch.optim.SGD(mapper.parameters(), lr=1.0).step()
    assert (mapper(appearance, s) - mapper(swapped, s)).abs().mean() > 1e-4


def test_each_source_and_the_semantic_map_matter():
    mapper = build(act_cfg=dict(type='Tanh'), zero_init=False).eval()
    (x, y), s = inputs()
    fused = mapper([x, y], s)
    for other in ([x + 1, y], s), ([x, y + 1], s), ([x, y], s + 1):
        assert (mapper(*other) - fused).abs().max() > 1e-3


def test_parameter_count():
    def path(c, steps, k):  # depthwise + BN, pointwise + BN, per step
        return steps * (9 * c + 2 * c + c * c + 2 * c) + 11 * c + c * k + 2 * k

    gate = 18 * 4 + 4
    expected = path(2, 2, 4) + path(3, 1, 4) + gate
    assert sum(p.numel() for p in build().parameters()) == expected


def test_odd_sizes_round_up_as_strided_stages_do():
    mapper = build()
    appearance = [torch.randn(1, 2, 7, 7), torch.randn(1, 3, 4, 4)]
    assert mapper(appearance, torch.randn(1, 4, 2, 2)).shape == (1, 4, 2, 2)


@torch.no_grad()
def test_resize_interpolates_between_the_centres_of_pixels():
    mapper = randomise(build(resize=True)).eval()
    appearance, semantic = inputs(size=4)
    small = semantic[..., :3, :2]
    paths = [path(x) for path, x in zip(mapper.paths, appearance, strict=True)]
    a = sum(bilinear(bilinear(path, 3).mT, 2).mT for path in paths)
    expected = small + a * mapper.gate(small, a)
    assert_close(mapper(appearance, small), expected, rtol=1e-4, atol=1e-4)


def bilinear(x, size):
    """Interpolate rows of (..., H, W) to `size` rows, by hand."""
    rows = []
    for i in range(size):
        at = max((i + 0.5) * x.shape[-2] / size - 0.5, 0)
        low = int(at)
        high = min(low + 1, x.shape[-2] - 1)
        rows.append(x[..., low, :] * (1 - at + low) + x[..., high, :] * (at - low))
    return torch.stack(rows, dim=-2)


def test_state_dict_round_trip():
    one, other = randomise(build()).eval(), build().eval()
    other.load_state_dict(one.state_dict())
    appearance, s = inputs()
    assert_close(other(appearance, s), one(appearance, s))


def test_non_contiguous_and_channels_last_maps():
    mapper = randomise(build()).eval()
    (x, y), s = inputs()
    expected = mapper([x, y], s)
    x = x.to(memory_format=torch.channels_last)
    y = y.transpose(2, 3).contiguous().transpose(2, 3)
    assert_close(mapper([x, y], s), expected)


def test_builds_from_the_host_registry():
    cfg = dict(type='Mapper', sources=[2], in_channels=[6], out_channels=4, strides=[1])
    mapper = randomise(MODELS.build(cfg)).eval()
    x, s = torch.randn(1, 6, 3, 3), torch.randn(1, 4, 3, 3)
    assert (mapper([x], s) - s).abs().max() > 1e-3


def test_bad_arguments_are_named():
    for changes, message in [
        (dict(sources=()), r'sources=\(\)'),
        (dict(in_channels=(2,)), r'in_channels=\(2,\)'),
        (dict(sources=1), r'sources=1 must be a list .* sources=\[1\]'),
        (dict(in_channels=2), 'in_channels=2 must be a list'),
        (dict(strides=8), 'strides=8 must be a list'),
        (dict(strides=(4.0, 2.0)), r'strides=\(4.0, 2.0\) must be powers'),
        (dict(strides=(4, 3)), r'strides=\(4, 3\)'),
        (dict(strides=(4, 0)), r'strides=\(4, 0\)'),
        (dict(fusion='sum'), "fusion='sum' .*'convex'"),
        (dict(gate='pixel'), "gate='pixel' .*'channel'"),
        (
            dict(norm_cfg=dict(type='BN', affine=False)),
            "norm_cfg={'type': 'BN', 'affine': False} gives .* set affine=True",
        ),
        (dict(out_channels=0), 'out_channels=0 must be integers > 0'),
        (dict(out_channels='16'), "out_channels='16' must be integers > 0"),
        (dict(in_channels=(2, 0)), r'in_channels=\(2, 0\) and .* must be integers > 0'),
        (dict(gate=['element']), r"gate=\['element'\] is none of"),
        (dict(gate_bias='0'), "gate_bias='0' must be a finite number"),
        (dict(gate_bias=float('nan')), 'gate_bias=nan must be a finite number'),
        (dict(norm_cfg=dict(type='IN')), 'without weights .* or zero_init=False'),
    ]:
        with named(changes), pytest.raises(ValueError, match=message):
            build(**changes)


def test_a_norm_or_activation_that_is_no_config_is_named():
    for field, value in [('norm_cfg', 'BN'), ('act_cfg', 'ReLU')]:
        message = f'Mapper: {field}={value!r} must be a dict'
        with named(field), pytest.raises(TypeError, match=message):
            build(**{field: value})


def test_wrong_number_of_maps_is_named():
    appearance, s = inputs()
    with pytest.raises(ValueError, match='got 1 appearance .* 2'):
        build()(appearance[:1], s)


def test_wrong_channels_are_named():
    appearance, s = inputs()
    with pytest.raises(ValueError, match=r'\(3, 2\) appearance and 4 semantic'):
        build()(appearance[::-1], s)


def test_wrong_resolution_names_both_sizes():
    appearance, _ = inputs(size=4)
    with pytest.raises(ValueError, match='16x16 becomes 4x4 .* 3x3'):
        build()(appearance, torch.randn(2, 4, 3, 3))
