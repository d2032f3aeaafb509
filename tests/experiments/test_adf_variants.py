"""Variants of ADF for studies: shared weights, and the gated teacher of ONE."""

from copy import deepcopy

import pytest
import torch
import torch.nn.functional as F
from mmpretrain.structures import DataSample
from torch.testing import assert_close

import mmadf.experiments.adf_variants  # noqa: F401  registers
from mmadf.registry import MODELS

IMAGES = torch.linspace(-1, 1, 4 * 3 * 32 * 32).sin().view(4, 3, 32, 32)
SAMPLES = [DataSample().set_gt_label(label) for label in (0, 2, 1, 2)]
RESNET = dict(type='ResNet', depth=18, stem_channels=8, base_channels=8)
CONFIG = dict(
    backbone=RESNET,
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='LinearClsHead', num_classes=3, in_channels=64),
    mapper=dict(type='Mapper', sources=(0, 1), target=-1),
)
DISTILLED = dict(distill_weight=0.5, distill_temperature=2.0)


def build(name, **changes):
    torch.manual_seed(0)
    config = deepcopy({**CONFIG, **changes})
    return MODELS.build(dict(type=f'mmadf.{name}', **config))


def test_branches_of_shared_adf_have_one_backbone():
    shared, whole = build('SharedADF'), build('ADFClassifier')
    own, other = (sum(p.numel() for p in m.parameters()) for m in (shared, whole))
    assert other - own == sum(p.numel() for p in shared.backbone.parameters())
    maps = shared.appearance.maps(IMAGES, 1)
    assert_close(maps, shared.fused_maps(IMAGES)[:2], rtol=0, atol=0)


def test_shared_backbone_learns_from_both_heads():
    network = build('SharedADF', mapper=None)
    losses = network.loss(IMAGES, SAMPLES)
    weight = network.backbone.layer1[0].conv1.weight
    semantic, appearance, both = (
        torch.autograd.grad(loss, weight, retain_graph=True)[0]
        for loss in (
            losses['semantic_loss'],
            losses['appearance_loss'],
            losses['semantic_loss'] + losses['appearance_loss'],
        )
    )
    assert min(semantic.abs().max(), appearance.abs().max()) > 1e-6
    assert_close(both, semantic + appearance)


@pytest.mark.parametrize('name', ['SharedADF', 'GatedTeacherADF'])
def test_deployed_variant_predicts_the_same(name):
    network = build(name, **DISTILLED).eval()
    expected = network(IMAGES)
    network.switch_to_deploy()
    assert_close(network(IMAGES), expected, rtol=1e-4, atol=1e-5)
    left = {key.partition('.')[0] for key in network.state_dict()}
    assert left == {'backbone', 'head', 'appearance_backbone', 'mappers'}


def test_deployed_gated_teacher_is_built_from_its_config():
    network = build('GatedTeacherADF', **DISTILLED).eval()
    network.switch_to_deploy()
    built = build('GatedTeacherADF', **DISTILLED, deploy=dict()).eval()
    built.load_state_dict(network.state_dict())
    assert_close(built(IMAGES), network(IMAGES), rtol=0, atol=0)


def test_gate_with_equal_weights_is_the_mean_teacher():
    gated, plain = (build(n, **DISTILLED) for n in ('GatedTeacherADF', 'ADFClassifier'))
    plain.load_state_dict(gated.state_dict(), strict=False)
    torch.nn.init.zeros_(gated.teacher_gate[1].weight)  # both after ReLU are 0
    found, expected = (net.loss(IMAGES, SAMPLES) for net in (gated, plain))
    teacher = found.pop('teacher_loss')
    assert_close(found, expected)
    scores = plain.logits_by_readout(IMAGES)
    mean = (scores['semantic'] + scores['appearance']) / 2
    assert_close(teacher, F.cross_entropy(mean, torch.tensor([0, 2, 1, 2])))


def test_gate_weights_the_teacher_by_the_softmax_of_positive_values():
    network = build('GatedTeacherADF', **DISTILLED)
    norm = network.teacher_gate[1]
    torch.nn.init.zeros_(norm.weight)
    norm.bias.data = torch.tensor([1.0, -3.0])  # 1 and 0 after ReLU
    torch.nn.init.normal_(network.appearance_head.fc.weight)
    losses, scores = network.loss(IMAGES, SAMPLES), network.logits_by_readout(IMAGES)
    share = torch.tensor(1.0).sigmoid()
    mixed = share * scores['semantic'] + (1 - share) * scores['appearance']
    expected = F.cross_entropy(mixed, torch.tensor([0, 2, 1, 2]))
    assert_close(losses['teacher_loss'], expected)


def test_gate_that_selects_a_head_makes_it_the_teacher():
    network = build('GatedTeacherADF', **DISTILLED)
    norm = network.teacher_gate[1]
    torch.nn.init.zeros_(norm.weight)
    norm.bias.data = torch.tensor([200.0, 0.0])
    losses = network.loss(IMAGES, SAMPLES)
    assert_close(losses['teacher_loss'], losses['semantic_loss'])
    assert losses['semantic_distill_loss'] < 1e-6
    scores = network.logits_by_readout(IMAGES)
    p, q = (scores[name] / 2 for name in ('semantic', 'appearance'))
    divergence = (p.softmax(1) * (p.log_softmax(1) - q.log_softmax(1))).sum(1).mean()
    assert_close(losses['appearance_distill_loss'], 0.5 * 4 * divergence)


def test_gate_learns_from_the_loss_of_the_teacher_only():
    network = build('GatedTeacherADF', **DISTILLED)
    losses = network.loss(IMAGES, SAMPLES)
    weight = network.teacher_gate[0].weight
    (gradient,) = torch.autograd.grad(losses['teacher_loss'], weight, retain_graph=True)
    assert gradient.abs().max() > 1e-6
    for branch in ('semantic', 'appearance'):
        loss = losses[f'{branch}_distill_loss']
        grads = torch.autograd.grad(loss, weight, retain_graph=True, allow_unused=True)
        assert grads == (None,)


def test_options_that_do_not_apply_are_refused():
    with pytest.raises(ValueError, match='appearance=.* must be None'):
        build('SharedADF', appearance=dict(backbone=RESNET))
    with pytest.raises(ValueError, match='distill_weight=0 must be > 0'):
        build('GatedTeacherADF')
