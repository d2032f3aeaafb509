"""Tools that would treat a decoupled layer as a linear one are refused."""

from copy import deepcopy

import pytest
import torch
from mmcv.cnn import ConvModule, fuse_conv_bn
from mmengine.registry import DefaultScope
from mmpretrain.models.backbones.mobileone import MobileOneBlock
from mmpretrain.models.backbones.replknet import ReparamLargeKernelConv
from mmpretrain.models.backbones.repvgg import RepVGGBlock
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval
from torch.testing import assert_close

from mmadf.models import DecoupledConv2d, DecoupledLinear
from mmadf.models.surgery import decouple, fold
from tests.helpers import randomise

DECOUPLED = dict(type='mmadf.DecoupledConv2d', magnitude='linear')


def conv_and_norm(bias):
    layers = nn.Sequential(DecoupledConv2d(3, 4, 3, bias=bias), nn.BatchNorm2d(4))
    return randomise(layers).eval()


@pytest.mark.parametrize('bias', [False, True])
@pytest.mark.parametrize('folding', [False, True])
@pytest.mark.parametrize('fuse', [lambda net: fuse_conv_bn_eval(*net), fuse_conv_bn])
def test_folding_a_norm_by_scaling_kernels_is_refused(bias, folding, fuse):
    network, x = conv_and_norm(bias), torch.randn(2, 3, 8, 8)
    if folding:
        fold(network)
    expected = network(x)
    with pytest.raises(ValueError, match=r'scaled kernels .* use mmadf.*fold instead'):
        fuse(network)
    assert_close(network(x), expected, rtol=0, atol=0)


def test_folding_a_norm_that_keeps_the_kernels_is_refused():
    network = nn.Sequential(DecoupledConv2d(3, 4, 3), nn.BatchNorm2d(4)).eval()
    with pytest.raises(ValueError, match='DecoupledConv2d: a bias .it has none. can'):
        fuse_conv_bn_eval(*network)


def test_folding_a_norm_into_a_decoupled_linear_layer_is_refused():
    linear, norm = randomise(DecoupledLinear(3, 4)).eval(), nn.BatchNorm1d(4).eval()
    with pytest.raises(ValueError, match='DecoupledLinear: a bias'):
        fuse_linear_bn_eval(linear, norm)


def test_a_convolution_with_scaled_kernels_on_the_fly_is_refused():
    options = dict(norm_cfg=dict(type='BN'), efficient_conv_bn_eval=True)
    module = ConvModule(3, 4, 3, conv_cfg=DECOUPLED, **options).eval()
    with pytest.raises(ValueError, match='efficient_conv_bn_eval .* use mmadf.*fold'):
        module(torch.randn(1, 3, 8, 8))


@pytest.mark.parametrize('assign', [False, True])
def test_other_kernels_and_the_same_ones_are_accepted(assign):
    layer, other = DecoupledConv2d(3, 4, 3), DecoupledConv2d(3, 4, 3)
    layer.load_state_dict(other.state_dict(), assign=assign)
    assert_close(layer.weight, other.weight)
    layer.load_state_dict(deepcopy(other.state_dict()), assign=assign)
    layer.weight = nn.Parameter(torch.randn(4, 3, 3, 3))


BLOCKS = {
    'RepVGG': lambda conv: RepVGGBlock(4, 4, conv_cfg=conv),
    'MobileOne': lambda conv: MobileOneBlock(4, 4, 3, num_convs=2, conv_cfg=conv),
    'MobileOne depthwise': lambda conv: MobileOneBlock(
        4, 4, 3, num_convs=2, groups=4, conv_cfg=conv
    ),
}


def block_of(name, by_config, **operator):
    """Return a block with decoupled convolutions."""
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        block = BLOCKS[name]({**DECOUPLED, **operator} if by_config else None)
    if not by_config:
        decouple(block, **operator)
    return randomise(block).eval()


@pytest.mark.parametrize('name', BLOCKS)
@pytest.mark.parametrize('by_config', [False, True])
@torch.no_grad()
def test_a_block_does_not_merge_decoupled_convolutions(name, by_config):
    block, x = block_of(name, by_config, magnitude='linear'), torch.randn(2, 4, 8, 8)
    expected = block(x)
    with pytest.raises(ValueError, match='branch_reparam cannot replace convolutions'):
        block.switch_to_deploy()
    assert_close(block(x), expected, rtol=0, atol=0)


@torch.no_grad()
def test_blocks_of_timm_do_not_merge_decoupled_convolutions():
    timm = pytest.importorskip('timm')
    from timm.utils.model import reparameterize_model

    network = randomise(timm.create_model('mobileone_s0', num_classes=4), std=0.1)
    decouple(network.eval(), magnitude='linear')
    with pytest.raises(ValueError, match='reparam_conv cannot replace convolutions'):
        reparameterize_model(network, inplace=True)


def test_a_block_that_takes_merged_kernels_has_no_decoupled_convolution():
    with pytest.raises(ValueError, match='RepVGGBlock: branch_reparam .* deploy=True'):
        RepVGGBlock(4, 4, conv_cfg=DECOUPLED, deploy=True)


@torch.no_grad()
def test_large_kernels_of_replknet_are_not_merged_with_small_ones():
    block = ReparamLargeKernelConv(4, 4, 7, stride=1, groups=4, small_kernel=3)
    decouple(block, magnitude='linear')
    with pytest.raises(ValueError, match='lkb_reparam cannot replace convolutions'):
        block.merge_kernel()


def test_other_layers_beside_a_decoupled_one_may_be_called_reparam():
    network = nn.Module()
    network.conv = DecoupledConv2d(3, 8, 3)
    for name in ('reparam_mu', 'reparam', 'reparametrise', 'norm_reparam'):
        setattr(network, name, nn.Linear(8, 2))
    assert len(list(network.children())) == 5


@pytest.mark.parametrize('name', BLOCKS)
@pytest.mark.parametrize('by_config', [False, True])
@pytest.mark.parametrize('magnitude', ['linear', 'tanh'])
@torch.no_grad()
def test_fold_merges_a_block_where_it_is_exact(name, by_config, magnitude):
    network = nn.Sequential(block_of(name, by_config, magnitude=magnitude)).double()
    x = torch.randn(2, 4, 8, 8, dtype=torch.float64)
    expected = network(x)
    fold(network)
    assert network[0].deploy == (magnitude == 'linear')
    assert_close(network(x), expected)
    assert_close(deepcopy(network)(x), expected)
