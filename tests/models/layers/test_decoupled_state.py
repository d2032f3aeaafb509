"""What belongs to the state of a decoupled layer, and how it is reset."""

import pytest
import torch
from mmengine.registry import DefaultScope
from torch.testing import assert_close

from mmadf.models import DecoupledConv2d, DecoupledLinear
from mmadf.models.layers.decoupled import DecoupledOperator
from mmadf.models.surgery import fold
from mmadf.registry import MODELS
from tests.helpers import backbone_cfg, randomise

FIXED = [dict(radius=0.7), dict(angle='sigmoid', k=0.3)]
LAYERS = [(DecoupledConv2d, (3, 4, 2)), (DecoupledLinear, (3, 4))]


@pytest.mark.parametrize('operator', FIXED)
def test_a_layer_built_without_memory_is_complete_after_its_weights_are_loaded(
    operator,
):
    layer = randomise(DecoupledConv2d(3, 4, 3, **operator)).eval()
    with torch.device('meta'):
        loaded = DecoupledConv2d(3, 4, 3, **operator).eval()
    loaded.to_empty(device='cpu')
    for tensor in (*loaded.parameters(), *loaded.buffers()):
        tensor.data.fill_(-1)
    loaded.load_state_dict(layer.state_dict())
    x = torch.randn(2, 3, 8, 8)
    assert_close(loaded(x), layer(x), rtol=0, atol=0)


@pytest.mark.parametrize('operator', FIXED)
def test_low_precision_does_not_round_fixed_numbers(operator):
    layer = DecoupledConv2d(3, 4, 3, **operator).bfloat16().eval()
    arguments = layer.operator(torch.rand(1, 1, 6, 6))
    found = dict(radius=arguments['rho'], k=arguments['k'])
    expected = {name: x for name, x in operator.items() if name in found}
    assert {name: found[name].item() for name in expected} == pytest.approx(expected)


@pytest.mark.parametrize(('cls', 'sizes'), LAYERS)
def test_reset_parameters_leaves_nothing_that_was_learned(cls, sizes):
    operator = dict(angle='learnable_sigmoid', bias=True)
    torch.manual_seed(0)
    layer = cls(*sizes, **operator)
    initial = {name: x.clone() for name, x in layer.state_dict().items()}
    layer(torch.randn(2, 3, 8, 8) if cls is DecoupledConv2d else torch.randn(2, 3))
    randomise(layer)
    torch.manual_seed(0)
    layer.reset_parameters()
    assert set(initial) >= {'operator.radius', 'operator.v', 'operator.num_batches'}
    assert_close(dict(layer.state_dict()), initial, rtol=0, atol=0)


def test_a_folded_layer_normalises_its_kernels_again_after_a_reset():
    network = torch.nn.Sequential(DecoupledConv2d(3, 4, 3)).eval()
    fold(network)
    network[0].reset_parameters()
    fresh = DecoupledConv2d(3, 4, 3).eval()
    fresh.load_state_dict(network[0].state_dict())
    x = torch.randn(2, 3, 8, 8)
    assert_close(network(x), fresh(x), rtol=0, atol=0)


@pytest.mark.parametrize(('cls', 'sizes'), LAYERS)
@pytest.mark.parametrize('radius', ['kernel', 0.7])
def test_the_mean_norm_of_a_frozen_layer_stays(cls, sizes, radius):
    layer = cls(*sizes, radius=radius)
    x = torch.randn(2, 3, 8, 8) if cls is DecoupledConv2d else torch.randn(2, 3)
    layer(x)
    expected, mean = layer.eval()(5 * x), layer.operator.mean_norm.clone()
    layer.requires_grad_(False).train()
    assert_close(layer(5 * x), expected)
    assert_close(layer.operator.mean_norm, mean, rtol=0, atol=0)
    layer.requires_grad_(True)(5 * x)
    assert layer.operator.mean_norm > 1.5 * mean


def test_frozen_stages_of_a_backbone_keep_their_mean_norms():
    conv = dict(type='mmadf.DecoupledConv2d')
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        backbone = MODELS.build(backbone_cfg(conv_cfg=conv, frozen_stages=1))
    backbone.train()
    backbone(torch.randn(2, 3, 16, 16))
    count = 'operator.num_batches'
    moved = {n for n, x in backbone.state_dict().items() if n.endswith(count) and x}
    assert {name.split('.')[0] for name in moved} == {'layer2', 'layer3', 'layer4'}


def test_learned_values_start_as_in_the_official_code():
    """rho = 1^2 + 1e-4, and the k of SphereNet = 0.7 + 0.05."""
    operator = DecoupledOperator(3, angle='learnable_sigmoid', radius_unit='absolute')
    r = torch.ones(1)
    assert_close(operator.rho(r), torch.full((3,), 1.0001))
    assert_close(operator.curvature(r), torch.full((3,), 0.75))


def test_moving_average_of_many_batches_has_the_published_decay():
    operator = DecoupledOperator(3)
    operator.mean_norm.fill_(2.0)
    operator.num_batches.fill_(10**6)
    operator(torch.ones(1))
    assert_close(operator.mean_norm.item(), 0.999 * 2.0 + 0.001 * 1.0)
