"""The published networks, against functional descriptions of them."""

import re

import pytest
import torch
import torch.nn.functional as F
from mmengine.registry import DefaultScope
from torch import nn
from torch.testing import assert_close

from mmadf.analysis import cost_by_part, total_cost
from mmadf.models import (
    CNN9,
    DecoupledConv2d,
    DecoupledLinear,
    ModifiedResNet18,
    ResNet32,
)
from mmadf.registry import MODELS
from tests.helpers import adf_cfg, named, randomise, samples, without_memory

TANH = dict(type='DecoupledConv2d', magnitude='tanh', angle='cosine')
SMALL = dict(
    CNN9=dict(channels=(4, 5, 6), fc_channels=7),
    ModifiedResNet18=dict(channels=(3, 4, 5, 6)),
    ResNet32=dict(base_channels=2),
)


@pytest.fixture(autouse=True)
def _scope():
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        yield


def build(name, **changes):
    return MODELS.build(dict(type=name, **{**SMALL[name], **changes}))


def evaluating(model):
    model.eval()  # the host's ResNet returns None
    return model


def image(size=32):
    return torch.randn(2, 3, size, size)


class Reader:
    """Layers as functions of the state dict of a network in evaluation mode."""

    def __init__(self, model):
        self.state = evaluating(model.double()).state_dict()

    def conv(self, x, name, stride=1, padding=1):
        w = self.state[f'{name}.weight']
        if f'{name}.operator.radius' not in self.state:
            return F.conv2d(x, w, self.state.get(f'{name}.bias'), stride, padding)
        side = w.shape[-1]
        patches = F.unfold(x, side, padding=padding, stride=stride)
        r = (patches.square().sum(1, keepdim=True) + 1e-4).sqrt()
        w = w.flatten(1)
        w = w / (w.square().sum(1, keepdim=True) + 1e-4).sqrt()
        rho = self.state[f'{name}.operator.radius'].square() + 1e-4
        rho = rho[:, None] * self.state[f'{name}.operator.mean_norm']
        y = torch.tanh(r / rho) * (w @ patches) / r
        return y.unflatten(2, (-1, (x.shape[-1] + 2 * padding - side) // stride + 1))

    def norm(self, x, name):
        parts = ('running_mean', 'running_var', 'weight', 'bias')
        return F.batch_norm(x, *(self.state[f'{name}.{p}'] for p in parts), eps=1e-3)

    def layer(self, x, name, stride=1, padding=1):
        x = self.conv(x, f'{name}.conv', stride, padding)
        return self.norm(x, f'{name}.bn')

    def prelu(self, x, name):
        return F.prelu(x, self.state[f'{name}.activate.weight'])


def cnn9(read, x):
    for group in range(3):
        for i in range(3):
            x = F.relu(read.layer(x, f'stages.{group}.{i}'))
        x = F.max_pool2d(x, 2)
    return F.relu(read.layer(x, 'stages.3', padding=0))


def modified_resnet18(read, x):
    x = F.max_pool2d(
        read.prelu(read.layer(x, 'stages.0.0', 2, 3), 'stages.0.0'), 3, 2, 1
    )
    for stage, units in enumerate((1, 2, 3, 1)):
        if stage:
            name = f'stages.{stage}.0'
            x = read.prelu(read.layer(x, name, 2), name)
        first = 1 if stage else 2
        for unit in range(first, first + units):
            name = f'stages.{stage}.{unit}'
            y = read.prelu(read.layer(x, f'{name}.conv1'), f'{name}.conv1')
            x = x + read.layer(y, f'{name}.conv2')
    return x


def resnet32(read, x):
    x = read.norm(read.conv(x, 'conv1'), 'bn1')
    for stage in (1, 2, 3):
        for unit in range(5):
            name = f'layer{stage}.{unit}'
            stride = 2 if stage > 1 and unit == 0 else 1
            y = read.norm(read.conv(x, f'{name}.conv1', stride), f'{name}.bn1')
            y = read.norm(read.conv(F.relu(y), f'{name}.conv2'), f'{name}.bn2')
            if stride == 2:
                x = read.conv(x, f'{name}.downsample.0', 2, 0)
                x = read.norm(x, f'{name}.downsample.1')
            x = F.relu(x + y)
    return x


FUNCTIONS = dict(CNN9=cnn9, ModifiedResNet18=modified_resnet18, ResNet32=resnet32)
NORM = dict(type='BN', eps=1e-3)


# Value


@torch.no_grad()
@pytest.mark.parametrize('conv_cfg', [None, TANH], ids=['plain', 'decoupled'])
@pytest.mark.parametrize('name', FUNCTIONS)
def test_network_equals_its_description(name, conv_cfg):
    model = randomise(build(name, conv_cfg=conv_cfg, norm_cfg=NORM))
    for layer in model.modules():
        if isinstance(layer, DecoupledConv2d):
            layer.operator.mean_norm.uniform_(0.5, 2)
    x = image().double()
    expected = FUNCTIONS[name](Reader(model), x)
    assert expected.abs().mean() > 1e-3
    assert_close(model(x)[-1], expected)


@torch.no_grad()
def test_the_last_layer_of_cnn9_is_a_decoupled_linear_layer():
    model = randomise(CNN9(conv_cfg=TANH, **SMALL['CNN9'])).eval()
    conv = model.stages[3].conv
    linear = DecoupledLinear(6 * 4 * 4, 7, magnitude='tanh').eval()
    linear.load_state_dict({**conv.state_dict(), 'weight': conv.weight.flatten(1)})
    maps = torch.randn(2, 6, 4, 4)
    assert_close(conv(maps).flatten(1), linear(maps.flatten(1)))


@torch.no_grad()
def test_cnn9_without_activation_and_norm_is_convolutions_and_pools():
    model = randomise(CNN9(act_cfg=None, **SMALL['CNN9']), 0.2)
    read, x = Reader(model), image().double()
    expected = x
    for group in range(3):
        for i in range(3):
            expected = read.conv(expected, f'stages.{group}.{i}.conv')
        expected = F.max_pool2d(expected, 2)
    assert_close(model(x)[-1], read.conv(expected, 'stages.3.conv', padding=0))


# Law


def weights(model):
    layers = [m for m in model.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    return sum(layer.weight.numel() for layer in layers)


def test_published_weights_and_decoupled_layers():
    """Without the classifier, which is not part of a backbone."""
    for cls, expected, decoupled in [
        (ResNet32, 16_721_952 - 384 * 100, 31),
        (ModifiedResNet18, 42_920_320 - 1024 * 1000, 18),
        (CNN9, 3_879_296 - 256 * 100, 10),
    ]:
        with named(cls):
            for conv_cfg, count in ((None, 0), (TANH, decoupled)):
                with without_memory():
                    model = cls(conv_cfg=conv_cfg)
                assert weights(model) == expected
                assert (
                    sum(isinstance(m, DecoupledConv2d) for m in model.modules())
                    == count
                )


@pytest.mark.slow
def test_modified_resnet18_computes_the_published_multiply_adds():
    def stage(k, c_in, c_out, side):
        return k * k * c_in * c_out * side**2

    units = ((128, 56, 1), (256, 28, 2), (512, 14, 3), (1024, 7, 1))
    expected = stage(7, 3, 128, 112)
    expected += sum(2 * n * stage(3, c, c, side) for c, side, n in units)
    expected += sum(stage(3, c // 2, c, side) for c, side, _ in units[1:])
    plain = total_cost(cost_by_part(ModifiedResNet18(), (224, 224))).multiply_adds
    assert plain == expected
    assert f'{(plain + 1024 * 1000) / 1e9:.2f}' == '7.40'
    decoupled = total_cost(cost_by_part(ModifiedResNet18(conv_cfg=TANH), (224, 224)))
    assert plain < decoupled.multiply_adds < 1.005 * plain


@torch.no_grad()
def test_a_unit_with_a_zero_residual_is_the_identity():
    model = build('ModifiedResNet18', conv_cfg=TANH).eval()
    for stage in model.stages:
        unit = stage[-1]
        x = torch.randn(2, unit.conv2.out_channels, 5, 5)
        nn.init.zeros_(unit.conv2.norm.weight)
        assert torch.equal(unit(x), x)
        nn.init.ones_(unit.conv2.norm.weight)
        assert not torch.allclose(unit(x), x)


def test_only_the_shortcuts_of_resnet32_are_ordinary_convolutions():
    model = build('ResNet32', conv_cfg=TANH)
    ordinary = [n for n, m in model.named_modules() if type(m) is nn.Conv2d]
    assert ordinary == [f'layer{i}.0.downsample.0' for i in (2, 3)]


def test_resnet32_is_initialised_as_in_the_official_code():
    """Kernels of variance 2 / fan-in, a squared norm of 2; batch norms of slope 1."""
    model = ResNet32(conv_cfg=TANH)
    model.init_weights()
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    assert all((norm.weight == 1).all() and not norm.bias.any() for norm in norms)
    for layer in (model.conv1, model.layer2[0].conv1, model.layer3[4].conv2):
        squares = layer.weight.detach().square().sum((1, 2, 3))
        assert squares.mean().item() == pytest.approx(2, rel=0.1)


@pytest.mark.parametrize('out_indices', [(3,), (0, 3)])
def test_cnn9_is_trained_on_images_of_its_map_size_only(out_indices):
    model = build('CNN9', norm_cfg=NORM, out_indices=out_indices)
    assert model(torch.randn(2, 3, 32, 32))[-1].shape[2:] == (1, 1)
    with pytest.raises(ValueError, match=r'map_size=\(4, 4\) .*got \(8, 8\); set'):
        model(torch.randn(2, 3, 64, 64))
    assert model.eval()(torch.randn(2, 3, 64, 64))[-1].shape[2:] == (5, 5)


def test_only_ordinary_convolutions_of_cnn9_without_norm_have_a_bias():
    for conv_cfg, norm_cfg, bias in [
        (None, None, True),
        (None, NORM, False),
        (TANH, None, False),
        (TANH, NORM, False),
    ]:
        with named((conv_cfg, norm_cfg)):
            model = build('CNN9', conv_cfg=conv_cfg, norm_cfg=norm_cfg)
            convs = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
            assert [conv.bias is not None for conv in convs] == [bias] * 10


def test_prelu_has_one_slope_per_channel_initially_zero():
    model = build('ModifiedResNet18')
    slopes = [m.weight for m in model.modules() if isinstance(m, nn.PReLU)]
    assert len(slopes) == 4 + 7
    assert slopes[0].shape == (3,)
    assert not any(slope.any() for slope in slopes)


# Gradient


@pytest.mark.parametrize(
    ('conv_cfg', 'norm_cfg'),
    [(None, None), (TANH, NORM)],
    ids=['plain without norm', 'decoupled'],
)
@pytest.mark.parametrize('name', FUNCTIONS)
def test_gradient_reaches_every_parameter(name, norm_cfg, conv_cfg):
    model = build(name, norm_cfg=norm_cfg, conv_cfg=conv_cfg)
    size = 32 if name == 'CNN9' else 64
    model(image(size))[-1].square().sum().backward()
    for parameter_name, parameter in model.named_parameters():
        assert parameter.grad.abs().sum() > 0, parameter_name


# Stages


@torch.no_grad()
@pytest.mark.parametrize('name', FUNCTIONS)
def test_out_indices_select_the_intermediate_feature_maps(name):
    count = 3 if name == 'ResNet32' else 4
    model = evaluating(randomise(build(name, out_indices=range(count))))
    x = image()
    maps = model(x)
    assert len(maps) == count
    for i in range(count):
        state = model.state_dict()
        one = evaluating(build(name, out_indices=(i,)))
        one.load_state_dict({k: state[k] for k in one.state_dict()})
        (found,) = one(x)
        assert torch.equal(found, maps[i])


def test_stages_after_the_last_out_index_are_dropped():
    names = [n for n, _ in build('CNN9', out_indices=(0, 1)).named_parameters()]
    assert {n.split('.')[1] for n in names} == {'0', '1'}


@pytest.mark.parametrize(('name', 'last'), [('CNN9', 2), ('ModifiedResNet18', 3)])
def test_adf_accepts_the_decoupled_network(name, last):
    backbone = dict(type=name, conv_cfg=TANH, out_indices=(last,), **SMALL[name])
    head = dict(type='LinearClsHead', num_classes=5, in_channels=6)
    model = MODELS.build(adf_cfg(backbone=backbone, head=head))
    randomise(model.mappers)
    losses = model.loss(image(64), samples([1, 4]))
    sum(losses.values()).backward()
    for parameter_name, parameter in model.named_parameters():
        assert parameter.grad is not None, parameter_name


def test_invalid_out_indices_are_refused():
    for wrong in [(), (4,), (1, 1), (2, 0)]:
        with named(wrong):
            message = rf'CNN9: out_indices={re.escape(str(wrong))} .*0 to 3, ascending'
            with pytest.raises(ValueError, match=message):
                build('CNN9', out_indices=wrong)
