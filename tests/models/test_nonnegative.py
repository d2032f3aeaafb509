"""The projection, against gradient steps and clipping written out by hand."""

import pickle
from copy import deepcopy
from io import BytesIO

import pytest
import torch
from mmengine.model import ExponentialMovingAverage, StochasticWeightAverage
from mmengine.registry import DefaultScope
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.testing import assert_close

from mmadf.models import WiseSrNetHead
from tests.helpers import samples

NAME = 'spatial.weight'
LABELS = samples([0, 1, 2, 0, 1, 2, 0, 1])


def build(**changes):
    cfg = dict(num_classes=3, in_channels=4, map_size=6, pool_size=2)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return WiseSrNetHead(**{**cfg, **changes})


def batches(steps=4):
    return torch.randn(steps, 8, 4, 6, 6)


def loss_of(head, x):
    return head.loss((x,), LABELS[: len(x)])['loss']


def expected_states(head, batches, lr=1.0, momentum=0.9):
    """Return the states of projected SGD with momentum, after every step."""
    free = deepcopy(head)
    states = [{n: p.detach().clone() for n, p in free.named_parameters()}]
    speed = {n: torch.zeros_like(p) for n, p in free.named_parameters()}
    for x in batches:
        current = {n: p.requires_grad_() for n, p in states[-1].items()}
        logits = torch.func.functional_call(free, current, ((x,),))
        labels = torch.cat([sample.gt_label for sample in LABELS])
        loss = nn.functional.cross_entropy(logits, labels)
        gradients = torch.autograd.grad(loss, list(current.values()))
        after = {}
        for (n, p), gradient in zip(current.items(), gradients, strict=True):
            speed[n] = momentum * speed[n] + gradient
            after[n] = (p - lr * speed[n]).detach()
        after[NAME] = after[NAME].clamp(min=0)
        states[-1] = {n: p.detach() for n, p in states[-1].items()}
        states.append(after)
    return states


def sgd(*heads, lr=1.0):
    groups = [dict(params=list(head.parameters())) for head in heads]
    return torch.optim.SGD(groups, lr=lr, momentum=0.9)


def train(head, batches, optimizer=None, after=lambda: None):
    optimizer = optimizer or sgd(head)
    for x in batches:
        optimizer.zero_grad()
        loss_of(head, x).backward()
        optimizer.step()
        after()


def check(head, expected):
    for name, parameter in head.named_parameters():
        assert_close(parameter.detach(), expected[name])


@pytest.fixture
def head():
    head = build()
    assert (head.spatial.weight < 0).any()
    return head


def test_every_step_is_projected_sgd(head):
    data = batches()
    states = expected_states(head, data)
    assert (states[1][NAME] == 0).any() and (states[1]['fc.weight'] < 0).any()
    optimizer = sgd(head)
    for x, expected in zip(data, states[1:], strict=True):
        train(head, [x], optimizer)
        check(head, expected)


def test_a_clipped_weight_returns_when_its_gradient_turns():
    head = build()
    nn.init.zeros_(head.spatial.weight)
    nn.init.ones_(head.fc.weight)
    optimizer = torch.optim.SGD(head.parameters(), lr=1.0)
    for sign in (1, -1):
        optimizer.zero_grad()
        (sign * head((torch.ones(1, 4, 6, 6),)).sum()).backward()
        optimizer.step()
        assert (head.spatial.weight == 0).all() == (sign > 0)


@pytest.mark.parametrize('constraint', ['nonneg', None])
def test_only_an_explicit_none_leaves_the_kernel_free(constraint):
    head = build(constraint=constraint)
    train(head, batches())
    assert (head.spatial.weight < 0).any() == (constraint is None)


def test_the_first_training_forward_sees_the_unclipped_draw(head):
    x = batches()[0]
    kernel = head.spatial.weight.detach()
    pooled = nn.functional.avg_pool2d(x, 2)
    expected = torch.einsum('nchw,chw->nc', pooled, kernel[:, 0])
    assert_close(head.pre_logits((x,)), expected)


@pytest.mark.parametrize('parts', [2, 4])
def test_accumulated_gradients_give_the_same_steps(head, parts):
    data = batches()
    expected = expected_states(head, data)[-1]
    optimizer = sgd(head)
    for x in data:
        optimizer.zero_grad()
        labels = torch.cat([sample.gt_label for sample in LABELS])
        for part, label in zip(x.chunk(parts), labels.chunk(parts), strict=True):
            logits = head((part,))
            (nn.functional.cross_entropy(logits, label) / parts).backward()
        optimizer.step()
    check(head, expected)


def test_steps_that_the_scaler_skips_project_nothing(head):
    data = batches()
    states = expected_states(head, data)
    scaler = torch.amp.GradScaler('cpu', init_scale=8.0)
    optimizer = sgd(head)
    for step, x in enumerate(data):
        for broken in (True, False):
            optimizer.zero_grad()
            scaler.scale(loss_of(head, x)).backward()
            if broken:
                head.fc.bias.grad[0] = torch.inf
            scaler.step(optimizer)
            scaler.update()
            check(head, states[step + (not broken)])


@pytest.mark.parametrize('when', ['one optimizer', 'two optimizers', 'two groups'])
def test_several_heads_and_groups(when):
    heads, data = [build(), build()], [batches(), batches()]
    expected = [expected_states(*pair)[-1] for pair in zip(heads, data, strict=True)]
    if when == 'two optimizers':
        optimizers = [sgd(head) for head in heads]
    elif when == 'one optimizer':
        optimizers = [sgd(*heads)]
    else:
        kernels = [head.spatial.weight for head in heads]
        others = [p for h in heads for n, p in h.named_parameters() if n != NAME]
        groups = [dict(params=others), dict(params=kernels)]
        optimizers = [torch.optim.SGD(groups, lr=1.0, momentum=0.9)]
    for pair in zip(*data, strict=True):
        for optimizer in optimizers:
            optimizer.zero_grad()
        for head, x in zip(heads, pair, strict=True):
            loss_of(head, x).backward()
        for optimizer in optimizers:
            optimizer.step()
    for head, state in zip(heads, expected, strict=True):
        check(head, state)


@pytest.mark.parametrize('frozen', [False, True])
def test_a_head_of_another_optimizer_is_left_alone(head, frozen):
    other = build().requires_grad_(not frozen)
    before = deepcopy(list(other.parameters()))
    train(head, batches())
    for parameter, old in zip(other.parameters(), before, strict=True):
        assert torch.equal(parameter, old)


def saved(head):
    file = BytesIO()
    torch.save(head, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


COPIES = dict(
    deepcopy=deepcopy, pickle=lambda h: pickle.loads(pickle.dumps(h)), save=saved
)


@pytest.mark.parametrize('kind', COPIES)
def test_copies_are_projected_by_their_own_optimizers(head, kind):
    data = batches()
    twin = COPIES[kind](head)
    draw = twin.spatial.weight.detach().clone()
    expected = expected_states(head, data)[-1]
    train(head, data)
    assert torch.equal(twin.spatial.weight, draw)
    train(twin, data)
    check(twin, expected)


def test_a_frozen_copy_stays_frozen(head):
    twin = deepcopy(head.requires_grad_(False))
    assert not any(p.requires_grad for p in twin.parameters())


def test_layers_that_change_device_or_precision_stay_projected(head):
    head.double().float()
    train(head, batches())
    assert (head.spatial.weight >= 0).all()


@pytest.mark.parametrize(
    'optimizer', ['Adam', 'AdamW', 'RMSprop', 'Adagrad', 'NAdam', 'Rprop', 'LBFGS']
)
def test_optimizers_of_torch_keep_the_constraint(head, optimizer):
    optimizer = getattr(torch.optim, optimizer)(head.parameters(), lr=0.1)
    for x in batches():

        def closure(x=x):
            optimizer.zero_grad()
            loss = loss_of(head, x)
            loss.backward()
            return loss

        optimizer.step(closure)
        assert (head.spatial.weight >= 0).all()
        assert (head.spatial.weight > 0).any()
    assert (head.fc.weight < 0).any()


# The state that is saved


def test_a_draw_is_stored_projected_and_stays_a_draw(head):
    draw = head.spatial.weight.detach().clone()
    stored = head.state_dict()[NAME]
    assert torch.equal(stored, draw.clamp(min=0))
    assert torch.equal(head.spatial.weight, draw)


def test_variables_that_are_kept_are_the_parameters(head):
    kept = head.state_dict(keep_vars=True)
    assert all(kept[name] is p for name, p in head.named_parameters())


def test_after_a_step_the_stored_state_is_the_weight_itself(head):
    train(head, batches(1))
    stored = head.state_dict()[NAME]
    assert stored.data_ptr() == head.spatial.weight.data_ptr()


def test_loading_is_exact_even_below_zero(head):
    state = {**head.state_dict(), NAME: torch.randn(4, 1, 3, 3)}
    head.load_state_dict(state)
    assert torch.equal(head.spatial.weight, state[NAME])
    train(head, batches(1))
    head.load_state_dict(state)
    x = batches()[0]
    assert_close(head.eval()((x,)), head.train()((x,)))


# Averages


@pytest.mark.parametrize('update_buffers', [False, True])
@pytest.mark.parametrize('average', [ExponentialMovingAverage, StochasticWeightAverage])
@pytest.mark.parametrize('every', [1, 3])
def test_averages_of_mmengine_are_feasible(head, average, update_buffers, every):
    ema = average(head, update_buffers=update_buffers)
    optimizer = sgd(head)
    followed = []
    for step, x in enumerate(batches(9)):
        loss_of(head, x).backward()
        if (step + 1) % every == 0:
            optimizer.step()
            optimizer.zero_grad()
        ema.update_parameters(head)
        followed.append(head.spatial.weight.detach().clone())
        assert step + 1 < every or (ema.module.spatial.weight >= 0).all()
    kernel = ema.module.spatial.weight
    assert torch.equal(ema.state_dict()[f'module.{NAME}'], kernel)
    mean = followed[0].clamp(min=0)
    for step, weight in enumerate(followed[1:], start=1):
        share = 1 / (step + 1) if average is StochasticWeightAverage else ema.momentum
        mean = mean + share * (weight.clamp(min=0) - mean)
    assert_close(kernel.detach(), mean)


@pytest.mark.parametrize('kind', ['swa_utils', 'lerp', 'lerp of states'])
def test_averages_that_start_at_the_draw_are_evaluated_and_stored_feasible(head, kind):
    data = batches()
    if kind == 'swa_utils':
        ema = AveragedModel(head, multi_avg_fn=get_ema_multi_avg_fn(0.99))
        ema.update_parameters(head)

        def update():
            ema.update_parameters(head)
    else:
        ema = nn.ModuleDict(dict(module=deepcopy(head)))

        @torch.no_grad()
        def update():
            if kind == 'lerp':
                pairs = zip(ema.module.parameters(), head.parameters(), strict=True)
            else:
                states = ema.module.state_dict(), head.state_dict()
                pairs = zip(*(s.values() for s in states), strict=True)
            for mine, other in pairs:
                mine.lerp_(other, 0.01)

    mean = head.spatial.weight.detach().clone()
    if kind == 'lerp of states':
        mean.clamp_(min=0)

    def follow():
        update()
        mean.lerp_(head.spatial.weight.detach(), 0.01)

    train(head, data, after=follow)
    average = ema.module.eval()
    stored = average.state_dict()
    assert_close(stored[NAME], mean.clamp(min=0))
    assert (stored[NAME] >= 0).all() and (stored[NAME] > 0).any()
    reference = build(constraint=None)
    reference.load_state_dict(stored)
    assert_close(average((data[0],)), reference((data[0],)))


def test_an_average_is_evaluated_as_it_is_stored(head):
    ema = deepcopy(head)
    train(head, batches(1))
    assert (ema.spatial.weight < 0).any()
    x = batches(1)[0]
    evaluated = ema.eval()((x,)).detach()
    reference = build(constraint=None)
    reference.load_state_dict(ema.state_dict())
    assert_close(evaluated, reference((x,)))


# Refusals


def by_hand(head, x):
    loss_of(head, x).backward()
    with torch.no_grad():
        for parameter in head.parameters():
            parameter -= 0.1 * parameter.grad
            parameter.grad = None


def through_data(head, x):
    loss_of(head, x).backward()
    for parameter in head.parameters():
        parameter.data.sub_(0.1 * parameter.grad)


def functional(head, x):
    gradients = torch.autograd.grad(loss_of(head, x), list(head.parameters()))
    with torch.no_grad():
        for parameter, gradient in zip(head.parameters(), gradients, strict=True):
            parameter -= 0.1 * gradient


def master_weights(head, x):
    loss_of(head, x).backward()
    masters = [p.detach().clone().requires_grad_() for p in head.parameters()]
    for master, parameter in zip(masters, head.parameters(), strict=True):
        master.grad = parameter.grad.clone()
    torch.optim.SGD(masters, lr=0.1).step()
    for master, parameter in zip(masters, head.parameters(), strict=True):
        parameter.data.copy_(master)


WAYS = [by_hand, through_data, functional, master_weights]


@pytest.mark.parametrize('way', WAYS)
@pytest.mark.parametrize(
    'kind', ['original', 'copy', 'thawed copy', 'new parameter', 'from meta']
)
def test_updates_that_pass_the_projection_by_are_refused(head, way, kind):
    if kind == 'copy':
        head = deepcopy(head)
    elif kind == 'thawed copy':
        head = deepcopy(deepcopy(head).requires_grad_(False)).requires_grad_(True)
    elif kind == 'new parameter':
        head.spatial.weight = nn.Parameter(torch.randn(4, 1, 3, 3))
    elif kind == 'from meta':
        state = deepcopy(list(head.parameters()))
        head = head.to('meta').to_empty(device='cpu')
        for parameter, value in zip(head.parameters(), state, strict=True):
            parameter.data.copy_(value)
    first, second, *_ = batches()
    way(head, first)
    with pytest.raises(RuntimeError, match='no torch.optim.Optimizer that holds it'):
        way(head, second)


@pytest.mark.parametrize('way', WAYS)
def test_without_constraint_nothing_is_refused(way):
    head = build(constraint=None)
    for x in batches():
        way(head, x)


def test_training_a_weight_that_is_no_parameter_is_refused(head):
    flat = head.spatial.weight.detach().clone()
    del head.spatial.weight
    head.spatial.weight = flat
    x = batches()[0]
    head.eval()((x,))
    with pytest.raises(RuntimeError, match='FSDP with use_orig_params=False'):
        head.train()((x,))


def test_gradients_without_a_step_are_not_refused(head):
    for x in batches():
        loss_of(head, x).backward()


def test_a_weight_that_is_loaded_anew_is_not_refused(head):
    state = {**head.state_dict(), NAME: torch.randn(4, 1, 3, 3)}
    for x in batches():
        loss_of(head, x).backward()
        head.load_state_dict(state)


def test_a_weight_that_is_drawn_anew_after_a_step_is_not_refused(head):
    train(head, batches(1))
    nn.init.normal_(head.spatial.weight)
    train(head, batches(1))
    assert (head.spatial.weight >= 0).all()


def test_updates_by_hand_are_refused_after_proper_steps_too(head):
    train(head, batches())
    by_hand(head, 100 * batches()[0])
    assert (head.spatial.weight < 0).any()
    with pytest.raises(RuntimeError, match='no torch.optim.Optimizer that holds it'):
        by_hand(head, batches()[0])


def test_a_checkpoint_without_the_weight_starts_nothing_anew(head):
    by_hand(head, batches(1)[0])
    head.load_state_dict({}, strict=False)
    with pytest.raises(RuntimeError, match='no torch.optim.Optimizer that holds it'):
        by_hand(head, batches(1)[0])


def test_a_weight_that_is_set_to_allowed_values_is_not_refused(head):
    for x in batches():
        loss_of(head, x).backward()
        nn.init.uniform_(head.spatial.weight)
