from functools import partial

import pytest
import torch
from mmcv.cnn import ConvModule
from mmengine.model import revert_sync_batchnorm
from torch import nn
from torch.testing import assert_close

from mmadf.models import DecoupledConv2d
from mmadf.models.surgery import fold
from tests.helpers import named, randomise

run = partial(nn.Module.__call__)


def conv(**changes):
    return nn.Conv2d(
        **{**dict(in_channels=3, out_channels=3, kernel_size=3), **changes}
    )


class Skip(nn.Module):
    """The convolution's output is read twice."""

    def __init__(self):
        super().__init__()
        self.conv, self.bn = conv(padding=1), nn.BatchNorm2d(3)

    def forward(self, x):
        y = self.conv(x)
        return self.bn(y) + y


class Twice(nn.Module):
    """Convolution and norm run twice, the second time behind each other's."""

    def __init__(self):
        super().__init__()
        self.conv, self.bn, self.other = conv(padding=1), nn.BatchNorm2d(3), conv()

    def forward(self, x):
        return self.other(self.bn(self.conv(self.bn(self.conv(x)))))


class Shared(nn.Module):
    """One norm behind two convolutions."""

    def __init__(self):
        super().__init__()
        self.one, self.two, self.bn = conv(), conv(), nn.BatchNorm2d(3)

    def forward(self, x):
        return self.bn(self.one(x)) + self.bn(self.two(x))


class Reused(nn.Module):
    """One convolution before two norms."""

    def __init__(self):
        super().__init__()
        self.conv, self.one, self.two = conv(), nn.BatchNorm2d(3), nn.BatchNorm2d(3)

    def forward(self, x):
        return self.one(self.conv(x)) + self.two(self.conv(-x))


class Returned(nn.Module):
    """The convolution's output is normed, and returned as well."""

    def __init__(self):
        super().__init__()
        self.conv, self.bn = conv(), nn.BatchNorm2d(3)

    def forward(self, x):
        y = self.conv(x)
        return dict(maps=[y], last=self.bn(y).relu())


class Backwards(nn.Module):
    """Modules are registered in another order than they run."""

    def __init__(self):
        super().__init__()
        self.bn, self.relu, self.conv = nn.BatchNorm2d(3), nn.ReLU(), conv()

    def forward(self, x):
        return self.relu(self.bn(self.conv(x)))


class NormWithActivation(nn.BatchNorm2d):
    """As timm's: does more than norm."""

    def forward(self, x):
        return super().forward(x).relu()


@torch.no_grad()
def test_folding_changes_nothing_and_finds_what_can_be_folded():
    for network, folded in [
        (nn.Sequential(conv(), nn.BatchNorm2d(3)), ['1']),
        (nn.Sequential(conv(bias=False), nn.BatchNorm2d(3, eps=0.1)), ['1']),
        (nn.Sequential(conv(), nn.BatchNorm2d(3, affine=False)), ['1']),
        (nn.Sequential(conv(groups=3), nn.SyncBatchNorm(3)), ['1']),
        (
            nn.Sequential(conv(padding=1, padding_mode='reflect'), nn.BatchNorm2d(3)),
            ['1'],
        ),
        (ConvModule(3, 4, 3, norm_cfg=dict(type='BN')), ['bn']),
        (ConvModule(3, 4, 3, norm_cfg=dict(type='SyncBN')), ['bn']),
        (revert_sync_batchnorm(nn.Sequential(conv(), nn.SyncBatchNorm(3))), ['1']),
        (
            ConvModule(
                3,
                4,
                3,
                conv_cfg=dict(type='Conv2dAdaptivePadding'),
                norm_cfg=dict(type='BN'),
            ),
            ['bn'],
        ),
        (Backwards(), ['bn']),
        (nn.Sequential(conv(), nn.ReLU(), nn.BatchNorm2d(3)), []),
        (nn.Sequential(nn.BatchNorm2d(3), conv()), []),
        (nn.Sequential(conv(), nn.BatchNorm2d(3, track_running_stats=False)), []),
        (nn.Sequential(conv(), NormWithActivation(3)), []),
        (nn.Sequential(DecoupledConv2d(3, 3, 3), nn.BatchNorm2d(3)), ['0']),
        (
            nn.Sequential(
                DecoupledConv2d(3, 3, 3, magnitude='linear'), nn.BatchNorm2d(3)
            ),
            ['0', '1'],
        ),
        (Skip(), []),
        (Returned(), []),
        (Twice(), []),
        (Shared(), []),
        (Reused(), []),
    ]:
        with named(network):
            network = randomise(network).double().eval()
            x = torch.randn(2, 3, 8, 8, dtype=torch.float64)
            expected = network(x)
            norms = {
                n for n, m in network.named_modules() if 'Norm' in type(m).__name__
            }
            assert fold(network, run) == folded
            assert_close(network(x), expected, rtol=1e-10, atol=1e-10)
            gone = {n for n, m in network.named_modules() if isinstance(m, nn.Identity)}
            assert gone == norms & set(folded)


def test_network_is_in_evaluation_mode_afterwards():
    network = nn.Sequential(conv(), nn.BatchNorm2d(3), nn.Dropout())
    fold(network.train(), run)
    assert not any(module.training for module in network[::2])


def test_folded_weights_are_rounded_once():
    network = randomise(nn.Sequential(conv(), nn.BatchNorm2d(3))).eval()
    norm, weight = network[1], network[0].weight.detach().double()
    scale = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
    fold(network, run)
    expected = (weight * scale[:, None, None, None]).float()
    assert_close(network[0].weight.detach(), expected.detach(), rtol=0, atol=0)
    assert network[0].weight.dtype == torch.float32


class Deployable(nn.Module):
    """Two parallel convolutions that become one."""

    def __init__(self):
        super().__init__()
        self.one, self.two = conv(), conv()

    def forward(self, x):
        return self.one(x) if self.two is None else self.one(x) + self.two(x)

    def switch_to_deploy(self):
        with torch.no_grad():
            for ours, other in zip(
                self.one.parameters(), self.two.parameters(), strict=True
            ):
                ours.add_(other)
        self.two = None


@torch.no_grad()
def test_modules_that_can_deploy_themselves_do_so_before_norms_are_folded():
    network = randomise(nn.Sequential(Deployable(), nn.BatchNorm2d(3))).double().eval()
    x = torch.randn(2, 3, 8, 8, dtype=torch.float64)
    expected = network(x)
    assert fold(network, run) == ['0', '1']
    assert_close(network(x), expected)
    assert network[0].two is None


class Careless(Deployable):
    """Drops one of the convolutions."""

    def switch_to_deploy(self):
        self.two = None


@torch.no_grad()
def test_modules_that_become_other_ones_are_refused_and_the_network_stays():
    network = randomise(nn.Sequential(Careless(), nn.BatchNorm2d(3))).eval()
    x = torch.randn(2, 3, 8, 8)
    expected = network(x)
    with pytest.raises(ValueError, match='fold: switch_to_deploy of Careless changes'):
        fold(network, run)
    assert_close(network(x), expected, rtol=0, atol=0)


class Rescaled(nn.Module):
    """Multiplies its output once it is deployed."""

    def __init__(self, factor):
        super().__init__()
        self.conv, self.deployed_factor, self.factor = conv(), factor, 1.0

    def forward(self, x):
        return self.factor * self.conv(x)

    def switch_to_deploy(self):
        self.factor = self.deployed_factor


@torch.no_grad()
def test_rounding_is_up_to_a_thousandth_of_the_largest_value():
    network = nn.Sequential(Rescaled(1.0009))
    assert fold(network, run) == ['0']
    with pytest.raises(ValueError, match='by 1.1e-03 .* tolerance 1e-03'):
        fold(nn.Sequential(Rescaled(1.0011)), run)


def test_outputs_that_are_not_finite_are_not_compared():
    network = nn.Sequential(Deployable(), nn.BatchNorm2d(3)).eval()
    nn.init.constant_(network[0].one.bias, torch.inf)
    assert fold(network, run) == ['0', '1']


def test_a_network_that_can_deploy_itself_folds_only_what_is_inside():
    network = Deployable()
    assert fold(network) == []
    assert network.two is not None


def test_without_a_forward_pass_norms_and_mode_stay():
    network = nn.Sequential(conv(), nn.BatchNorm2d(3)).train()
    assert fold(network) == []
    assert isinstance(network[1], nn.BatchNorm2d) and network.training


@pytest.mark.parametrize('parametrise', [nn.utils.weight_norm, nn.utils.spectral_norm])
def test_norm_after_a_convolution_whose_weight_is_computed_is_kept(parametrise):
    net = nn.Sequential(
        parametrise(conv()), nn.BatchNorm2d(3), conv(), nn.BatchNorm2d(3)
    ).eval()
    x = torch.randn(2, 3, 8, 8)
    before = net(x)
    assert fold(net, run) == ['3']
    assert_close(net(x), before)


class OneSize(nn.Module):
    """A network for images of 8 pixels, with a decoupled layer and a norm."""

    def __init__(self):
        super().__init__()
        self.layer = DecoupledConv2d(3, 4, 3, magnitude='linear')
        self.norm = nn.BatchNorm2d(4)

    def forward(self, x):
        assert x.shape[2:] == (8, 8)
        return self.norm(self.layer(x))


def test_network_for_one_image_size_is_folded_with_it_or_left_unchanged():
    net = randomise(OneSize(), 1.0).eval()
    x = torch.randn(2, 3, 8, 8)
    before = net(x)
    with pytest.raises(AssertionError):
        fold(net, run)
    assert type(net.layer) is DecoupledConv2d
    assert fold(net, run, image_size=8) == ['layer', 'norm']
    assert_close(net(x), before)
