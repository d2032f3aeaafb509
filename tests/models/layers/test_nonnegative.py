"""Projection after each step, against optimizer steps and clamping by hand."""

import pickle
from copy import deepcopy

import pytest
import torch
from mmengine.model import ExponentialMovingAverage, StochasticWeightAverage
from mmengine.registry import DefaultScope
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.testing import assert_close

from mmadf.models import WiseSrNetHead
from tests.helpers import samples

NAME = 'pooling.spatial.weight'
LABELS = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1])


def build(**changes):
    cfg = dict(num_classes=3, in_channels=4, map_size=6, pool_size=2)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return WiseSrNetHead(**{**cfg, **changes})


def kernel_of(head):
    return head.pooling.spatial.weight


def batches(steps=4):
    return torch.randn(steps, 8, 4, 6, 6)


def loss_of(head, x):
    return head.loss((x,), samples(LABELS))['loss']


class Momentum:
    """SGD with momentum 0.9 and learning rate 1, by hand."""

    def __init__(self):
        self.speed = 0

    def __call__(self, step, gradient):
        self.speed = 0.9 * self.speed + gradient
        return self.speed

    def of_torch(self, parameters):
        return torch.optim.SGD(parameters, lr=1.0, momentum=0.9)


class Adam:
    """Adam with learning rate 0.1, by hand."""

    def __init__(self):
        self.mean = self.square = 0

    def __call__(self, step, gradient):
        self.mean = 0.9 * self.mean + 0.1 * gradient
        self.square = 0.999 * self.square + 0.001 * gradient**2
        mean, square = self.mean / (1 - 0.9**step), self.square / (1 - 0.999**step)
        return 0.1 * mean / (square.sqrt() + 1e-8)

    def of_torch(self, parameters):
        return torch.optim.Adam(parameters, lr=0.1)


def expected_states(head, batches, rule=Momentum):
    """Return the parameters after each step, those of the kernel projected."""
    state = {n: p.detach().clone() for n, p in head.named_parameters()}
    rules, states = {name: rule() for name in state}, []
    for step, x in enumerate(batches, start=1):
        current = {n: p.requires_grad_() for n, p in state.items()}
        logits = torch.func.functional_call(head, current, ((x,),))
        loss = nn.functional.cross_entropy(logits, LABELS)
        gradients = torch.autograd.grad(loss, list(current.values()))
        state = {
            name: parameter.detach() - rules[name](step, gradient)
            for (name, parameter), gradient in zip(
                current.items(), gradients, strict=True
            )
        }
        state[NAME] = state[NAME].clamp(min=0)
        states.append({n: p.clone() for n, p in state.items()})
    return states


def train(head, batches, optimizer=None, after=lambda: None):
    optimizer = optimizer or Momentum().of_torch(head.parameters())
    for x in batches:
        optimizer.zero_grad()
        loss_of(head, x).backward()
        optimizer.step()
        after()


def assert_state(head, expected):
    for name, parameter in head.named_parameters():
        assert_close(parameter.detach(), expected[name])


@pytest.fixture
def head():
    head = build()
    assert (kernel_of(head) < 0).any()
    return head


# Steps


@pytest.mark.parametrize('rule', [Momentum, Adam])
def test_each_step_is_the_projected_step(head, rule):
    data = batches()
    states = expected_states(head, data, rule)
    assert (states[0][NAME] == 0).any() and (states[0]['fc.weight'] < 0).any()
    optimizer = rule().of_torch(head.parameters())
    for x, expected in zip(data, states, strict=True):
        train(head, [x], optimizer)
        assert_state(head, expected)


@pytest.mark.parametrize('optimizer', ['AdamW', 'RMSprop', 'LBFGS'])
def test_other_optimizers_of_torch_keep_the_constraint(head, optimizer):
    optimizer = getattr(torch.optim, optimizer)(head.parameters(), lr=0.1)
    for x in batches():

        def closure(x=x):
            optimizer.zero_grad()
            loss = loss_of(head, x)
            loss.backward()
            return loss

        optimizer.step(closure)
        assert (kernel_of(head) >= 0).all()
        assert (kernel_of(head) > 0).any()
    assert (head.fc.weight < 0).any()


def test_a_clipped_weight_returns_when_its_gradient_changes_sign():
    head = build()
    nn.init.zeros_(kernel_of(head))
    nn.init.ones_(head.fc.weight)
    optimizer = torch.optim.SGD(head.parameters(), lr=1.0)
    for sign in (1, -1):
        optimizer.zero_grad()
        (sign * head((torch.ones(1, 4, 6, 6),)).sum()).backward()
        optimizer.step()
        assert (kernel_of(head) == 0).all() == (sign > 0)


@pytest.mark.parametrize('constraint', ['nonneg', None])
def test_only_constraint_none_leaves_the_kernel_free(constraint):
    head = build(constraint=constraint)
    train(head, batches())
    assert (kernel_of(head) < 0).any() == (constraint is None)


def test_accumulated_gradients_give_the_same_steps(head):
    data = batches()
    expected = expected_states(head, data)[-1]
    optimizer = Momentum().of_torch(head.parameters())
    for x in data:
        optimizer.zero_grad()
        for part, label in zip(x.chunk(4), LABELS.chunk(4), strict=True):
            (nn.functional.cross_entropy(head((part,)), label) / 4).backward()
        optimizer.step()
    assert_state(head, expected)


def test_steps_that_the_gradient_scaler_skips_do_not_project(head):
    data = batches()
    start = {n: p.detach().clone() for n, p in head.named_parameters()}
    states = [start, *expected_states(head, data)]
    scaler = torch.amp.GradScaler('cpu', init_scale=8.0)
    optimizer = Momentum().of_torch(head.parameters())
    for step, x in enumerate(data):
        for broken in (True, False):
            optimizer.zero_grad()
            scaler.scale(loss_of(head, x)).backward()
            if broken:
                head.fc.bias.grad[0] = torch.inf
            scaler.step(optimizer)
            scaler.update()
            assert_state(head, states[step + (not broken)])


def test_two_models_with_two_optimizers_are_independent(head):
    other, data = build(), batches()
    expected = expected_states(head, data)[-1]
    start = deepcopy(list(other.fc.parameters()))
    kernel = kernel_of(other).detach().clone()
    train(head, data)
    assert torch.equal(kernel_of(other), kernel)
    assert_close(list(other.fc.parameters()), start, rtol=0, atol=0)
    assert_state(head, expected)
    expected = expected_states(other, data)[-1]
    train(other, data)
    assert_state(other, expected)


def test_one_optimizer_projects_all_its_kernels_in_whatever_group(head):
    heads, data = [head, build()], batches()
    expected = [expected_states(head, data)[-1] for head in heads]
    kernels = [kernel_of(head) for head in heads]
    others = [p for h in heads for n, p in h.named_parameters() if n != NAME]
    optimizer = Momentum().of_torch([dict(params=others), dict(params=kernels)])
    for x in data:
        optimizer.zero_grad()
        sum(loss_of(head, x) for head in heads).backward()
        optimizer.step()
    for head, state in zip(heads, expected, strict=True):
        assert_state(head, state)


def test_a_frozen_kernel_stays_as_it_is(head):
    before = kernel_of(head.requires_grad_(False)).clone()
    head.fc.requires_grad_(True)
    train(head, batches())
    assert torch.equal(kernel_of(head), before)


def test_a_layer_that_changes_device_or_precision_stays_projected(head):
    state = head.double().to('meta').to_empty(device='cpu').float().state_dict()
    head.load_state_dict({name: torch.randn_like(t) for name, t in state.items()})
    train(head, batches())
    assert (kernel_of(head) >= 0).all()


def test_updates_without_optimizer_are_projected_by_project(head):
    data = batches()
    rules = {name: Momentum() for name, _ in head.named_parameters()}
    for step, (x, expected) in enumerate(
        zip(data, expected_states(head, data), strict=True)
    ):
        loss_of(head, x).backward()
        with torch.no_grad():
            for name, parameter in head.named_parameters():
                parameter -= rules[name](step, parameter.grad)
                parameter.grad = None
        head.pooling.spatial.project()
        assert_state(head, expected)


def test_a_new_parameter_is_projected(head):
    head.pooling.spatial.weight = nn.Parameter(torch.randn(4, 1, 3, 3))
    data = batches()
    expected = expected_states(head, data)[-1]
    train(head, data)
    assert_state(head, expected)


def test_training_requires_that_the_weight_is_a_parameter_of_the_layer(head):
    flat, x = kernel_of(head).detach().flatten().requires_grad_(), batches()[0]
    del head.pooling.spatial.weight
    head.pooling.spatial.weight = flat.view(4, 1, 3, 3)
    head.eval()((x,))
    with pytest.raises(RuntimeError, match="constraint='nonneg'.*use_orig_params"):
        head.train()((x,))


def test_replicas_of_data_parallel_are_trained_like_the_layer(head):
    x = batches()[0]
    (expected,) = torch.autograd.grad(head((x,)).sum(), kernel_of(head))
    replica = head.pooling.spatial._replicate_for_data_parallel()
    replica.weight, replica.bias = (p * 1 for p in head.pooling.spatial.parameters())
    head.pooling.spatial = replica
    (found,) = torch.autograd.grad(head((x,)).sum(), replica.weight)
    assert_close(found, expected)


def test_a_layer_without_weight_does_not_disturb_other_optimizers(head):
    broken = build()
    del broken.pooling.spatial.weight
    train(head, batches(1))
    assert (kernel_of(head) >= 0).all()


# Evaluated and saved


def free_twin(state):
    twin = build(constraint=None)
    twin.load_state_dict(state)
    return twin


def test_the_first_training_pass_sees_the_initial_weight(head):
    x = batches()[0]
    unclipped = {n: p.detach() for n, p in head.named_parameters()}
    assert_close(head((x,)), free_twin(unclipped)((x,)))


@pytest.mark.parametrize('frozen', [False, True])
def test_evaluation_sees_the_projected_weight(head, frozen):
    x = batches()[0]
    head.requires_grad_(not frozen).train(frozen)
    projected = {n: p.detach().clone() for n, p in head.named_parameters()}
    projected[NAME].clamp_(min=0)
    assert_close(head((x,)), free_twin(projected)((x,)))


@pytest.mark.parametrize('frozen', [False, True])
def test_state_dict_holds_the_weight_itself_also_below_zero(head, frozen):
    kernel = kernel_of(head.requires_grad_(not frozen))
    stored = head.state_dict()[NAME]
    assert stored.data_ptr() == kernel.data_ptr() and stored.shape == kernel.shape
    assert (stored < 0).any()


def test_loading_is_exact_even_below_zero(head):
    state = {**head.state_dict(), NAME: torch.randn(4, 1, 3, 3)}
    head.load_state_dict(state)
    assert torch.equal(kernel_of(head), state[NAME])
    train(head, batches(1))
    assert (kernel_of(head) >= 0).all()


def test_pickled_layers_are_exact_and_projected_by_their_own_optimizer(head):
    twin, data = pickle.loads(pickle.dumps(head)), batches()
    assert torch.equal(kernel_of(twin), kernel_of(head))
    expected = expected_states(twin, data)[-1]
    train(twin, data)
    assert_state(twin, expected)


def test_deep_copies_start_projected_and_have_their_own_optimizer(head):
    before, data = kernel_of(head).detach().clone(), batches()
    twin = deepcopy(head)
    assert torch.equal(kernel_of(twin), before.clamp(min=0))
    expected = expected_states(twin, data)[-1]
    train(twin, data)
    assert_state(twin, expected)
    assert torch.equal(kernel_of(head), before)


def test_a_shared_layer_is_copied_once(head):
    pair = deepcopy(nn.ModuleList([head.pooling.spatial, head.pooling.spatial]))
    assert pair[0] is pair[1]


# Averages


@pytest.mark.parametrize(
    ('average', 'update_buffers', 'every'),
    [
        (ExponentialMovingAverage, False, 3),
        (ExponentialMovingAverage, True, 3),
        (StochasticWeightAverage, True, 1),
    ],
)
def test_averages_of_mmengine_average_the_weights_and_are_evaluated_projected(
    head, average, update_buffers, every
):
    ema = average(head, update_buffers=update_buffers)
    optimizer = Momentum().of_torch(head.parameters())
    mean = None
    for step, x in enumerate(batches(9), start=1):
        loss_of(head, x).backward()
        if step % every == 0:
            optimizer.step()
            optimizer.zero_grad()
        ema.update_parameters(head)
        weight = kernel_of(head).detach().clone()
        share = 1 / step if average is StochasticWeightAverage else ema.momentum
        mean = weight if mean is None else mean + share * (weight - mean)
    state = {n.removeprefix('module.'): t for n, t in ema.state_dict().items()}
    assert_close(state[NAME], mean)
    x = batches(1)[0]
    state[NAME] = mean.clamp(min=0)
    del state['steps']
    assert_close(ema.module.eval()((x,)), free_twin(state)((x,)))


@pytest.mark.parametrize('kind', ['swa_utils', 'parameters', 'states'])
def test_averages_that_start_at_a_copy_are_feasible(head, kind):
    """PyTorch's average, and those of timm, which write through `state_dict`."""
    if kind == 'swa_utils':
        ema = AveragedModel(head, multi_avg_fn=get_ema_multi_avg_fn(0.99))
        ema.n_averaged += 1  # else the first update is a copy
    else:
        ema = nn.ModuleDict(dict(module=deepcopy(head)))

    @torch.no_grad()
    def update():
        if kind == 'swa_utils':
            return ema.update_parameters(head)
        tensors = dict(parameters=nn.Module.parameters, states=nn.Module.state_dict)
        mine, other = tensors[kind](ema.module), tensors[kind](head)
        if kind == 'states':
            mine, other = mine.values(), other.values()
        for average, value in zip(mine, other, strict=True):
            average.lerp_(value, 0.01)

    mean = kernel_of(head).detach().clamp(min=0)

    def follow():
        update()
        mean.lerp_(kernel_of(head).detach(), 0.01)

    train(head, batches(), after=follow)
    average = ema.module.eval()
    assert_close(kernel_of(average).detach(), mean)
    assert_close(average.state_dict()[NAME], mean)
