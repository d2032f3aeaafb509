import math
import pickle
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.model import BaseModel
from mmengine.optim import build_optim_wrapper
from torch import nn
from torch.testing import assert_close

from mmadf.engine.hooks import (
    FrozenMeanNormHook,
    OrthogonalityHook,
    WeightedGradientsHook,
    WeightProjectionHook,
)
from mmadf.engine.hooks.decoupled_training import (
    check_norm_eval,
    orthogonality_loss,
)
from mmadf.models import DecoupledConv2d, DecoupledLinear
from tests.helpers import named


class Net(BaseModel):
    """A decoupled convolution, an ordinary one and a decoupled linear layer."""

    def __init__(self):
        super().__init__()
        self.conv = DecoupledConv2d(3, 4, 3)
        self.plain = nn.Conv2d(4, 4, 1)
        self.fc = DecoupledLinear(4, 2)

    def forward(self, inputs, data_samples=None, mode='tensor'):
        y = self.fc(self.plain(self.conv(inputs)).mean((2, 3)))
        return dict(loss=y.square().mean()) if mode == 'loss' else y


@pytest.fixture
def net():
    return Net()


def runner(model, iteration=0):
    return SimpleNamespace(model=model, iter=iteration)


def x():
    return torch.randn(2, 3, 5, 5)


def test_projection_normalises_decoupled_kernels_at_its_interval(net):
    hook = WeightProjectionHook(interval=10)
    before = {name: p.clone() for name, p in net.named_parameters()}
    hook.after_train_iter(runner(net, iteration=8), 8)
    assert all(torch.equal(p, before[n]) for n, p in net.named_parameters())
    hook.after_train_iter(runner(net, iteration=9), 9)
    for name in ('conv.weight', 'fc.weight'):
        w, old = net.get_parameter(name), before[name]
        norms = torch.stack([kernel.norm() for kernel in old])
        for kernel, former, norm in zip(w, old, norms, strict=True):
            assert_close(kernel, former / norm)
    for name in ('plain.weight', 'conv.operator.radius'):
        assert torch.equal(net.get_parameter(name), before[name])


def test_mean_norms_stay_with_the_hook_whatever_mode_the_loop_sets(net):
    hook = FrozenMeanNormHook()
    for _ in range(2):
        net.train()
        hook.before_train_iter(runner(net), 0)
        net(x(), mode='loss')['loss'].backward()
    assert net.conv.operator.num_batches == net.fc.operator.num_batches == 0
    assert net.conv.training and net.conv.weight.grad.abs().sum() > 0


def test_norm_eval_is_refused_without_the_hook_while_mean_norms_move(net):
    plain = SimpleNamespace(model=net, hooks=[])
    check_norm_eval(plain)
    net.conv.norm_eval = True
    with pytest.raises(ValueError, match='^conv.norm_eval=True.* 1 .*FrozenMeanNorm'):
        check_norm_eval(plain)
    check_norm_eval(SimpleNamespace(model=net, hooks=[FrozenMeanNormHook()]))
    net.conv.weight.requires_grad_(False)
    check_norm_eval(plain)


def test_weighted_gradients_are_scaled_by_the_norm_of_each_kernel(net):
    images = x()
    net(images, mode='loss')['loss'].backward()
    plain = {name: p.grad.clone() for name, p in net.named_parameters()}
    net.zero_grad()
    WeightedGradientsHook().before_train(runner(net))
    net.conv.operator.num_batches.zero_()
    net(images, mode='loss')['loss'].backward()
    for name, p in net.named_parameters():
        expected = plain[name]
        if name in ('conv.weight', 'fc.weight'):
            norms = [kernel.norm().item() for kernel in p]
            rows = zip(expected, norms, strict=True)
            expected = torch.stack([grad * norm for grad, norm in rows])
        assert_close(p.grad, expected)


def test_frozen_kernels_are_neither_projected_nor_scaled(net):
    net.conv.weight.requires_grad_(False)
    before = net.conv.weight.clone()
    WeightProjectionHook(1).after_train_iter(runner(net), 0)
    assert torch.equal(net.conv.weight, before)
    assert_close(net.fc.weight.norm(dim=1), torch.ones(2))
    WeightedGradientsHook().before_train(runner(net))
    net(x(), mode='loss')['loss'].backward()
    assert net.conv.weight.grad is None and net.fc.weight.grad.abs().sum() > 0


def test_orthogonality_equals_loops_and_vanishes_for_orthogonal_kernels():
    w = torch.randn(3, 2, 2)
    total = 0
    for i in range(3):
        for j in range(3):
            cos = (w[i] * w[j]).sum() / (w[i].norm() * w[j].norm())
            total += (cos.item() - (i == j)) ** 2
    assert orthogonality_loss(w).item() == pytest.approx(total / 2, rel=1e-5)
    assert orthogonality_loss(5 * torch.eye(4)).item() == pytest.approx(0, abs=1e-10)


def test_orthogonality_is_logged_and_minimised_beside_the_loss(net):
    OrthogonalityHook(weight=0.1).before_train(runner(net))
    losses = net(x(), mode='loss')
    layers = (net.conv, net.fc)
    expected = 0.1 * sum(orthogonality_loss(layer.weight) for layer in layers)
    assert_close(losses['orthogonality_loss'], expected)
    total, logged = net.parse_losses(losses)
    assert_close(total, losses['loss'] + expected)
    assert 'orthogonality_loss' in logged
    assert isinstance(net(x()), torch.Tensor)
    net.eval()
    assert set(net(x(), mode='loss')) == {'loss'}


def test_no_weight_decay_on_radii_is_a_field_of_the_host(net):
    cfg = ConfigDict(
        optimizer=dict(type='SGD', lr=0.1, weight_decay=1e-4),
        paramwise_cfg=dict(custom_keys={'radius': dict(decay_mult=0.0)}),
    )
    groups = build_optim_wrapper(net, cfg).param_groups
    decays = {id(g['params'][0]): g['weight_decay'] for g in groups}
    for name, parameter in net.named_parameters():
        assert decays[id(parameter)] == (0 if 'radius' in name else 1e-4), name


@pytest.mark.parametrize('hook', [WeightedGradientsHook(), OrthogonalityHook(0.5)])
def test_after_training_the_network_is_as_before(net, hook):
    images = x()
    net(images, mode='loss')['loss'].backward()
    plain = net.conv.weight.grad.clone()
    hook.before_train(runner(net))
    pickle.dumps(net)
    hook.after_train(runner(net))
    net.zero_grad()
    net.conv.operator.num_batches.zero_()
    losses = net(images, mode='loss')
    losses['loss'].backward()
    assert set(losses) == {'loss'}
    assert_close(net.conv.weight.grad, plain)


def test_projection_of_half_precision_leaves_a_zero_kernel_alone(net):
    net.half()
    with torch.no_grad():
        net.conv.weight[0] = 0
    WeightProjectionHook(1).after_train_iter(runner(net), 0)
    lengths = net.conv.weight.float().flatten(1).norm(dim=1)
    expected = torch.tensor([0.0] + [1.0] * (len(lengths) - 1))
    assert_close(lengths, expected, rtol=2e-3, atol=0)


def test_bad_use_is_named():
    for build, message in [
        (
            lambda: WeightedGradientsHook().before_train(runner(nn.Linear(1, 1))),
            'WeightedGradientsHook: model=Linear has no',
        ),
        (
            lambda: WeightProjectionHook().before_train(runner(nn.Linear(1, 1))),
            'WeightProjectionHook: model=Linear has no',
        ),
        (
            lambda: FrozenMeanNormHook().before_train(runner(nn.Linear(1, 1))),
            'FrozenMeanNormHook: model=Linear has no',
        ),
        (lambda: WeightProjectionHook(0), 'interval=0 must be an integer > 0'),
        (lambda: WeightProjectionHook(2.5), 'interval=2.5 must be an integer > 0'),
        (lambda: WeightProjectionHook('10'), "interval='10' must be an integer > 0"),
        (lambda: OrthogonalityHook(-1), 'weight=-1 must be a finite number >= 0'),
        (lambda: OrthogonalityHook('1e-5'), "weight='1e-5' must be a finite number"),
        (lambda: OrthogonalityHook(math.nan), 'weight=nan must be a finite number'),
        (
            lambda: OrthogonalityHook().before_train(runner(nn.Linear(1, 1))),
            'OrthogonalityHook: model=Linear has no',
        ),
    ]:
        with named(message), pytest.raises(ValueError, match=message):
            build()


def test_intervals_and_weights_of_the_official_code_are_the_defaults():
    assert WeightProjectionHook().interval == 100
    assert OrthogonalityHook().weight == 1e-5
