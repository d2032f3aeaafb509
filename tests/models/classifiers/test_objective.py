"""What is minimised: distillation alone, and the losses of a classifier."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch.autograd import gradcheck
from torch.testing import assert_close

from mmadf.models import distillation_loss
from tests.helpers import CHANNELS, named, randomise, samples
from tests.models.classifiers.helpers import LABELS, build, images


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


@pytest.mark.parametrize('temperature', [1, 4.0])
def test_loss_equals_loop(temperature):
    own, other = logits(), logits()
    loss = distillation_loss(own, other, temperature)
    assert loss.item() == pytest.approx(loop_loss(own, other, temperature), rel=1e-12)


def test_gradient_is_the_difference_of_probabilities():
    temperature = 3.0
    own, other = logits().requires_grad_(), logits()
    distillation_loss(own, other, temperature).backward()
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
        lambda own: distillation_loss(own, other, 2.0), logits().requires_grad_()
    )


def test_nothing_flows_into_the_other_head():
    own, other = logits().requires_grad_(), logits().requires_grad_()
    distillation_loss(own, other, 2.0).backward()
    assert own.grad.abs().sum() > 0
    assert other.grad is None


def test_equal_probabilities_cost_nothing():
    own = logits()
    assert distillation_loss(own, own.clone(), 2.0).item() == 0
    shifted = own + torch.randn(len(own), 1, dtype=own.dtype)
    assert distillation_loss(own, shifted, 2.0).item() == pytest.approx(0, abs=1e-14)


def test_directions_differ():
    own, other = logits(), logits()
    there = distillation_loss(own, other, 1.0)
    assert abs(there - distillation_loss(other, own, 1.0)) > 1e-2


def test_high_temperature_approaches_the_squared_distance_of_centred_logits():
    own, other = logits(), logits()
    centred = [x - x.mean(1, keepdim=True) for x in (own, other)]
    expected = (centred[0] - centred[1]).square().sum(1).mean() / (2 * own.shape[1])
    loss = distillation_loss(own, other, 1e4)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-2)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype):
    own, other = logits().to(dtype), logits().to(dtype)
    with torch.autocast('cpu', torch.bfloat16):
        loss = distillation_loss(own.requires_grad_(), other, 2.0)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(loop_loss(own, other, 2.0), rel=1e-5)
    loss.backward()
    assert own.grad.dtype == dtype


def test_far_apart_logits_stay_finite():
    own = torch.tensor([[2000.0, 0.0, -2000.0]], requires_grad=True)
    loss = distillation_loss(own, own.detach().flip(1), 1.0)
    loss.backward()
    assert_close(loss, torch.tensor(4000.0))
    assert_close(own.grad, torch.tensor([[1.0, 0.0, -1.0]]))


def test_bad_arguments_are_named():
    for own, other, temperature, message in [
        ((2, 3), (2, 4), 1.0, r'\(2, 3\) and teacher \(2, 4\)'),
        ((3,), (3,), 1.0, r'logits \(3,\)'),
        ((2, 3), (2, 3), -1.0, 'temperature=-1.0 must be > 0'),
        ((2, 3), (2, 3), math.nan, 'temperature=nan must be > 0'),
    ]:
        with named(message), pytest.raises(ValueError, match=message):
            distillation_loss(torch.zeros(own), torch.zeros(other), temperature)


# Losses of a classifier


def cross_entropy(logits):
    return -logits.log_softmax(1)[range(len(LABELS)), LABELS].mean()


def test_losses_are_the_weighted_cross_entropies_of_both_heads():
    adf, x = build(semantic_weight=2.0, appearance_weight=0.5), images()
    randomise(adf.mappers, std=0.1)
    scores, losses = adf.logits_by_readout(x), adf.loss(x, samples(LABELS))
    assert set(losses) == {'semantic_loss', 'appearance_loss'}
    assert_close(losses['semantic_loss'], 2 * cross_entropy(scores['semantic']))
    assert_close(losses['appearance_loss'], cross_entropy(scores['appearance']) / 2)
    total, _ = adf.parse_losses(losses)
    assert_close(total, sum(losses.values()))


def test_mean_of_the_losses_is_weighted():
    choices = dict(semantic_weight=1.0, appearance_weight=3.0)
    adf, x = build(**choices, loss_reduction='mean'), images()
    adf.eval()
    scores, losses = adf.logits_by_readout(x), adf.loss(x, samples(LABELS))
    assert_close(losses['semantic_loss'], cross_entropy(scores['semantic']) / 4)
    assert_close(losses['appearance_loss'], cross_entropy(scores['appearance']) * 0.75)


def divergence(p, q):
    """Return KL(p || q) of softmax rows, mean of the batch."""
    p, q = p.softmax(1), q.softmax(1)
    return (p * (p / q).log()).sum(1).mean()


def test_mutual_learning_adds_both_divergences():
    adf, x = (
        build(teacher='peer', distill_weight=0.5, distill_temperature=2.0),
        images(),
    )
    randomise(adf.head)
    randomise(adf.appearance_head)
    adf.eval()
    scores, losses = adf.logits_by_readout(x), adf.loss(x, samples(LABELS))
    s, a = scores['semantic'] / 2, scores['appearance'] / 2
    assert_close(losses['semantic_distill_loss'], 0.5 * 4 * divergence(a, s))
    assert_close(losses['appearance_distill_loss'], 0.5 * 4 * divergence(s, a))
    total, _ = adf.parse_losses(losses)
    assert_close(total, sum(losses.values()))


def test_both_heads_learn_from_the_mean_of_their_logits():
    adf, x = build(distill_weight=0.5, distill_temperature=2.0), images()
    randomise(adf.head)
    randomise(adf.appearance_head)
    adf.eval()
    scores, losses = adf.logits_by_readout(x), adf.loss(x, samples(LABELS))
    s, a = scores['semantic'] / 2, scores['appearance'] / 2
    mean = (s + a) / 2
    assert_close(losses['semantic_distill_loss'], 0.5 * 4 * divergence(mean, s))
    assert_close(losses['appearance_distill_loss'], 0.5 * 4 * divergence(mean, a))


@pytest.mark.parametrize('reduction, total', [('sum', 1), ('mean', 2.5)])
def test_weights_of_the_losses_leave_the_distillation_alone(reduction, total):
    weights = dict(semantic_weight=2.0, appearance_weight=0.5, distill_weight=0.5)
    adf, x = build(**weights, loss_reduction=reduction), images()
    randomise(adf.head)
    randomise(adf.appearance_head)
    adf.eval()
    scores, losses = adf.logits_by_readout(x), adf.loss(x, samples(LABELS))
    s, a = scores['semantic'], scores['appearance']
    assert_close(losses['semantic_loss'], 2 * cross_entropy(s) / total)
    assert_close(losses['appearance_loss'], 0.5 * cross_entropy(a) / total)
    for name, logits in dict(semantic=s, appearance=a).items():
        expected = 0.5 * divergence((s + a) / 2, logits)
        assert_close(losses[f'{name}_distill_loss'], expected)


def test_the_teacher_is_a_constant():
    adf, x = build(distill_weight=1.0), images()
    randomise(adf.head)
    randomise(adf.appearance_head)
    adf.eval()
    loss = adf.loss(x, samples(LABELS))['semantic_distill_loss']
    assert loss > 1e-4
    (grad,) = torch.autograd.grad(
        loss, adf.appearance_head.fc.weight, allow_unused=True
    )
    assert grad is None


def test_mutual_learning_uses_the_logits_of_the_cross_entropy():
    head = dict(
        type='WiseSrNetHead',
        num_classes=5,
        in_channels=CHANNELS[-1],
        map_size=2,
        pool_size=None,
        dropout=0.5,
    )
    adf, passes = build(neck=None, head=head, teacher='peer', distill_weight=1.0), []
    randomise(adf.head)
    randomise(adf.appearance_head)
    for part in (adf.head, adf.appearance_head):
        part.register_forward_hook(lambda *args: passes.append(args[2]))
    losses = adf.loss(images(), samples(LABELS))
    s, a = passes
    assert_close(losses['semantic_loss'], F.cross_entropy(s, LABELS))
    assert_close(losses['appearance_loss'], F.cross_entropy(a, LABELS))
    assert_close(losses['semantic_distill_loss'], divergence(a, s))
    assert_close(losses['appearance_distill_loss'], divergence(s, a))


def test_accuracy_of_each_head_is_reported_but_not_minimised():
    head = dict(
        type='LinearClsHead', num_classes=5, in_channels=CHANNELS[-1], cal_acc=True
    )
    losses = build(head=head).loss(images(), samples(LABELS))
    assert {'semantic_accuracy_top-1', 'appearance_accuracy_top-1'} <= set(losses)
    total, _ = build().parse_losses(losses)
    assert_close(total, losses['semantic_loss'] + losses['appearance_loss'])


def test_soft_labels_of_batch_augments_reach_both_heads():
    adf = build(
        train_cfg=dict(augments=dict(type='Mixup', alpha=1.0)),
        data_preprocessor=dict(num_classes=5),
    )
    batch = dict(inputs=list(images()), data_samples=samples(LABELS))
    data = adf.data_preprocessor(batch, training=True)
    target = torch.stack([s.gt_score for s in data['data_samples']])
    assert ((target > 0).sum(1) == 2).any(), 'nothing was mixed'
    scores = adf.logits_by_readout(data['inputs'])
    losses = adf.loss(**data)
    for branch in ('semantic', 'appearance'):
        expected = -(target * scores[branch].log_softmax(1)).sum(1).mean()
        assert_close(losses[f'{branch}_loss'], expected)


@pytest.mark.parametrize('teacher', ['peer', 'mean'])
def test_each_head_learns_from_its_own_distillation_loss_alone(teacher):
    adf, x = build(teacher=teacher, distill_weight=1.0), images()
    randomise(adf.head)
    randomise(adf.appearance_head)
    losses = adf.eval().loss(x, samples(LABELS))
    weights = adf.head.fc.weight, adf.appearance_head.fc.weight
    for branch, learns in (('semantic', (True, False)), ('appearance', (False, True))):
        grads = torch.autograd.grad(
            losses[f'{branch}_distill_loss'],
            weights,
            retain_graph=True,
            allow_unused=True,
        )
        found = tuple(g is not None and bool(g.abs().max() > 1e-4) for g in grads)
        assert found == learns, branch
