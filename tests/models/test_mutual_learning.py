import math

import pytest
import torch
from torch.autograd import gradcheck
from torch.testing import assert_close

from mmadf.models import mutual_learning_loss


def logits(n=4, classes=5):
    return torch.randn(n, classes, dtype=torch.float64) * 3


def softmax(row, temperature):
    exps = [math.exp(value / temperature) for value in row]
    return [e / sum(exps) for e in exps]


def loop_loss(own, other, temperature):
    total = 0.0
    for a, b in zip(own.tolist(), other.tolist(), strict=True):
        p, q = softmax(a, temperature), softmax(b, temperature)
        total += sum(y * math.log(y / x) for x, y in zip(p, q, strict=True))
    return temperature**2 * total / len(own)


@pytest.mark.parametrize('temperature', [0.5, 1, 4.0])
def test_loss_equals_loop(temperature):
    own, other = logits(), logits()
    loss = mutual_learning_loss(own, other, temperature)
    assert loss.item() == pytest.approx(loop_loss(own, other, temperature), rel=1e-12)


@pytest.mark.parametrize('temperature', [1, 3.0])
def test_gradient_is_the_difference_of_probabilities(temperature):
    own, other = logits().requires_grad_(), logits()
    mutual_learning_loss(own, other, temperature).backward()
    expected = [
        [temperature * (x - y) / len(own) for x, y in zip(*rows, strict=True)]
        for rows in zip(
            [softmax(row, temperature) for row in own.tolist()],
            [softmax(row, temperature) for row in other.tolist()],
            strict=True,
        )
    ]
    assert_close(own.grad, torch.tensor(expected, dtype=torch.float64))


def test_gradcheck():
    other = logits()
    assert gradcheck(
        lambda own: mutual_learning_loss(own, other, 2.0), logits().requires_grad_()
    )


def test_nothing_flows_into_the_other_head():
    own, other = logits().requires_grad_(), logits().requires_grad_()
    mutual_learning_loss(own, other, 2.0).backward()
    assert own.grad.abs().sum() > 0
    assert other.grad is None


def test_equal_probabilities_cost_nothing():
    own = logits()
    assert mutual_learning_loss(own, own.clone(), 2.0).item() == 0
    shifted = own + torch.randn(len(own), 1, dtype=own.dtype)
    assert mutual_learning_loss(own, shifted, 2.0).item() == pytest.approx(0, abs=1e-14)


def test_directions_differ():
    own, other = logits(), logits()
    there = mutual_learning_loss(own, other, 1.0)
    assert abs(there - mutual_learning_loss(other, own, 1.0)) > 1e-2


def test_high_temperature_approaches_the_squared_distance_of_centred_logits():
    own, other = logits(), logits()
    centred = [x - x.mean(1, keepdim=True) for x in (own, other)]
    expected = (centred[0] - centred[1]).square().sum(1).mean() / (2 * own.shape[1])
    loss = mutual_learning_loss(own, other, 1e4)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-2)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype):
    own, other = logits().to(dtype), logits().to(dtype)
    with torch.autocast('cpu', torch.bfloat16):
        loss = mutual_learning_loss(own.requires_grad_(), other, 2.0)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(loop_loss(own, other, 2.0), rel=1e-5)
    loss.backward()
    assert own.grad.dtype == dtype


def test_far_apart_logits_stay_finite():
    own = torch.tensor([[2000.0, 0.0, -2000.0]], requires_grad=True)
    loss = mutual_learning_loss(own, own.detach().flip(1), 1.0)
    loss.backward()
    assert_close(loss, torch.tensor(4000.0))
    assert_close(own.grad, torch.tensor([[1.0, 0.0, -1.0]]))


@pytest.mark.parametrize(
    ('own', 'other', 'temperature', 'message'),
    [
        ((2, 3), (2, 4), 1.0, r'\(2, 3\) and other \(2, 4\).*same num_classes'),
        ((2, 3), (1, 3), 1.0, 'must have the same shape'),
        ((3,), (3,), 1.0, r'same shape \(N, C\)'),
        ((2, 3), (2, 3), 0, 'temperature=0 must be > 0'),
        ((2, 3), (2, 3), -1.0, 'temperature=-1.0 must be > 0'),
        ((2, 3), (2, 3), math.nan, 'temperature=nan must be > 0'),
    ],
)
def test_bad_arguments_are_named(own, other, temperature, message):
    with pytest.raises(ValueError, match=message):
        mutual_learning_loss(torch.zeros(own), torch.zeros(other), temperature)
