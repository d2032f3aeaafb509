import math
from itertools import product

import pytest
import torch
from torch.autograd import gradcheck
from torch.testing import assert_close

from mmadf.models.fusion.gate import (
    FUSIONS,
    GATES,
    build_gate,
    convex_fusion,
    residual_fusion,
)
from tests.helpers import named, randomise


def maps(channels=4, size=5, dtype=torch.float64):
    return [torch.randn(2, channels, size, size, dtype=dtype) for _ in range(2)]


def test_residual_adds_gated_appearance():
    s, a, g = torch.tensor([3.0]), torch.tensor([10.0]), torch.tensor([0.25])
    assert residual_fusion(s, a, g).item() == 5.5


def test_convex_weighs_both():
    s, a, g = torch.tensor([3.0]), torch.tensor([10.0]), torch.tensor([0.25])
    assert convex_fusion(s, a, g).item() == 8.25


def test_convex_of_equal_maps_is_that_map():
    s, _ = maps()
    assert_close(convex_fusion(s, s, torch.rand_like(s)), s)


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def padded(x, n, c, i, j):
    inside = 0 <= i < x.shape[2] and 0 <= j < x.shape[3]
    return x[n, c, i, j].item() if inside else 0.0


def window(x, kernel, n, c, i, j):
    """Sum of a 3 x 3 kernel over channel c of x around (i, j)."""
    return sum(
        kernel[u, v].item() * padded(x, n, c, i + u - 1, j + v - 1)
        for u in range(3)
        for v in range(3)
    )


def test_element_gate_equals_loop():
    gate = randomise(build_gate('element', 4, 0.0)).double()
    s, a = maps()
    g = gate(s, a)
    for n, c, i, j in [(0, 0, 0, 0), (1, 3, 2, 4), (0, 2, 4, 1)]:
        logit = (
            window(s, gate.of_semantic.weight[c, 0], n, c, i, j)
            + window(a, gate.of_appearance.weight[c, 0], n, c, i, j)
            + gate.of_semantic.bias[c].item()
        )
        assert g[n, c, i, j].item() == pytest.approx(sigmoid(logit), abs=1e-12)


def test_spatial_gate_equals_loop():
    gate = randomise(build_gate('spatial', 4, 0.0)).double()
    s, a = maps()
    g = gate(s, a)
    assert g.shape == (2, 1, 5, 5)
    kernel = gate.conv.weight[0]
    for n, i, j in [(0, 0, 0), (1, 2, 4)]:
        logit = gate.conv.bias.item()
        logit += sum(window(s, kernel[c], n, c, i, j) for c in range(4))
        logit += sum(window(a, kernel[4 + c], n, c, i, j) for c in range(4))
        assert g[n, 0, i, j].item() == pytest.approx(sigmoid(logit), abs=1e-12)


def test_channel_gate_is_the_bottleneck_of_the_means():
    gate = randomise(build_gate('channel', 32, 0.0)).double()
    s, a = maps(channels=32)
    means = torch.cat([s.mean((2, 3)), a.mean((2, 3))], 1)
    hidden = means @ gate.squeeze.weight.flatten(1).T + gate.squeeze.bias
    logits = hidden.clamp(min=0) @ gate.excite.weight.flatten(1).T + gate.excite.bias
    assert gate.squeeze.out_channels == 2
    assert_close(gate(s, a), (1 / (1 + torch.exp(-logits)))[:, :, None, None])


def test_layer_gate_does_not_look_at_the_maps():
    gate = randomise(build_gate('layer', 4, 0.0)).double()
    expected = sigmoid(gate.logit.item())
    assert gate(*maps()).item() == pytest.approx(expected)


def test_gate_is_initially_the_sigmoid_of_its_bias():
    for name in GATES:
        with named(name):
            s, a = maps()
            bias = -2.0
            g = build_gate(name, 4, bias).double()(s, a)
            assert_close(g, torch.full_like(g, sigmoid(bias)))


def test_gate_parameter_count():
    for name, count in [
        ('element', 2 * 9 * 32 + 32),
        ('spatial', 9 * 64 + 1),
        ('layer', 1),
        ('channel', 64 * 2 + 2 + 2 * 32 + 32),
    ]:
        with named(name):
            gate = build_gate(name, 32, 0.0)
            assert sum(p.numel() for p in gate.parameters()) == count


@pytest.mark.parametrize(
    ('name', 'form'), [*product(GATES, ['residual']), ('element', 'convex')]
)
def test_gated_fusion_gradcheck(name, form):
    gate = randomise(build_gate(name, 3, 0.0)).double()
    s, a = [x.requires_grad_() for x in maps(channels=3, size=3)]
    assert gradcheck(lambda s, a: FUSIONS[form](s, a, gate(s, a)), (s, a))


@pytest.mark.parametrize('name', GATES)
@pytest.mark.parametrize('form', FUSIONS)
def test_fused_maps_keep_the_precision_of_the_features_under_autocast(name, form):
    gate = randomise(build_gate(name, 4, 0.0))
    s, a = (x.bfloat16() for x in maps())
    expected = FUSIONS[form](s.float(), a.float(), gate(s.float(), a.float()))
    with torch.autocast('cpu', torch.bfloat16):
        fused = FUSIONS[form](s, a, gate(s, a))
    assert fused.dtype == torch.bfloat16
    assert_close(fused.float(), expected, rtol=0.02, atol=0.05)


def test_unknown_gate_is_named():
    with pytest.raises(ValueError, match="gate='pixel'"):
        build_gate('pixel', 4, 0.0)
