import sys

import pytest
import torch
from mmengine.registry import DefaultScope
from mmpretrain.registry import MODELS
from torch.testing import assert_close

from mmadf.analysis.explain.evidence import import_grad_cam
from mmadf.analysis.explain.explanation import explain, view_gates
from mmadf.analysis.report.evidence import explained_part
from tests.helpers import (
    CHANNELS,
    adf_cfg,
    backbone_cfg,
    randomise,
    without_memory,
)

MAPPER = dict(type='Mapper', sources=(0, 1))
PARTS = ('appearance', 'semantic', 'fused')


@pytest.fixture(autouse=True)
def _scope():
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        yield


def build(**changes):
    """Return a small ADF network in float64, nothing of it zero."""
    return randomise(MODELS.build(adf_cfg(**changes)), std=0.2).double().eval()


def image(height=48, width=32):
    return torch.randn(1, 3, height, width, dtype=torch.float64)


def appearance_of(mapper, maps):
    """Return the appearance map that a mapper gates, from the maps of all stages."""
    return sum(path(x) for path, x in zip(mapper.paths, maps, strict=True))


@pytest.mark.parametrize(
    ('fusion', 'gate'),
    [
        ('residual', 'element'),
        ('convex', 'spatial'),
        ('residual', 'channel'),
        ('convex', 'layer'),
    ],
)
@torch.no_grad()
def test_gate_views_hold_weight_and_gated_appearance(fusion, gate):
    model = build(mapper=dict(MAPPER, fusion=fusion, gate=gate))
    x = image()
    (view,) = view_gates(model, x)
    (mapper,) = model.mappers
    shallow = MODELS.build(backbone_cfg(out_indices=(0, 1))).double()
    shallow.load_state_dict(model.appearance_backbone.state_dict())
    shallow.eval()
    (s,), a = model.backbone(x), appearance_of(mapper, shallow(x))
    g = torch.sigmoid(mapper.gate.logits(s, a))
    weight = (g if fusion == 'residual' else 1 - g).expand_as(a)[0]
    assert_close(view.weight.expand_as(weight), weight)
    weights, values = weight.tolist(), a[0].tolist()
    for i in range(6):
        for j in range(4):
            gated = sum(abs(weights[c][i][j] * values[c][i][j]) for c in range(64))
            assert float(view.gated[i, j]) == pytest.approx(gated / 64)
    mean = sum(map(abs, s.flatten().tolist())) / s.numel()
    assert view.semantic == pytest.approx(mean)
    assert_close(view.relative, view.gated.float() / mean)
    assert (view.sources, view.target) == ((0, 1), 3)
    places, channels = gate in ('element', 'spatial'), 1
    if gate in ('element', 'channel'):
        channels = 64
    assert view.gate == gate
    assert view.weight.shape == (channels, *((6, 4) if places else (1, 1)))


@torch.no_grad()
def test_each_mapper_has_its_view_and_a_later_one_joins_fused_features():
    mappers = [MAPPER, dict(type='Mapper', sources=(0,), target=1)]
    model = build(mapper=mappers)
    x = image()
    late, early = view_gates(model, x)
    assert (late.sources, late.target) == ((0, 1), 3)
    assert (early.sources, early.target) == ((0,), 1)
    assert late.route == 'appearance stages 0 and 1 into semantic stage 3'
    assert early.route == 'appearance stage 0 into semantic stage 1'
    assert early.gated.shape == (24, 16)
    assert late.gated.shape == (6, 4)
    maps = model.appearance.maps(x, 1)
    fused = model.mappers[1](maps[:1], model.semantic.maps(x, 1)[1])
    semantic = model.backbone.layer4(model.backbone.layer3(fused))
    assert late.semantic == pytest.approx(semantic.abs().mean().item())
    assert not any(mapper.gate._forward_hooks for mapper in model.mappers)


def last_map(model, name, x):
    """Return the last map by the host's own forward pass, with head and neck."""
    if name == 'fused':
        return model.extract_feat(x, stage='backbone')[-1], model.neck, model.head
    if name == 'semantic':
        return model.backbone(x)[-1], model.neck, model.head
    maps = model.appearance_backbone(x)
    return maps[-1], model.appearance_neck, model.appearance_head


@pytest.mark.parametrize('frozen', [False, True])
def test_evidence_is_softmax_and_grad_cam_by_hand(frozen):
    pytest.importorskip('captum')
    model = build(mapper=[dict(MAPPER, target=2), MAPPER]).requires_grad_(not frozen)
    x = image()
    for name, evidence in explain(model, x).evidence.items():
        last, neck, head = last_map(model, name, x)
        last = last.detach().requires_grad_()
        logits = head(neck((last,)))
        assert_close(evidence.scores, logits[0].softmax(0).detach())
        (gradient,) = torch.autograd.grad(logits.max(), last)
        means, values = gradient[0].mean((1, 2)).tolist(), last[0].tolist()
        for i in range(6):
            for j in range(4):
                total = sum(means[c] * values[c][i][j] for c in range(64))
                assert float(evidence.cam[i, j]) == pytest.approx(max(total, 0))
        assert evidence.cam.max() > 0
    assert not x.requires_grad
    assert all(parameter.grad is None for parameter in model.parameters())


def test_the_three_parts_differ_and_the_answer_is_the_readout():
    pytest.importorskip('captum')
    model, x = build(readout='sum'), image()
    found = explain(model, x)
    assert tuple(found.evidence) == PARTS
    scores = [evidence.scores for evidence in found.evidence.values()]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert (scores[one] - scores[other]).abs().max() > 1e-3
    assert_close(found.scores, model.logits_by_readout(x)['sum'][0].softmax(0).detach())


def test_a_deployed_network_is_read_as_before_without_appearance():
    pytest.importorskip('captum')
    model, x = build(), image()
    before = explain(model, x)
    model.switch_to_deploy()
    after = explain(model, x)
    assert tuple(after.evidence) == ('semantic', 'fused')
    for name, evidence in after.evidence.items():
        assert_close(evidence.scores, before.evidence[name].scores)
        assert_close(evidence.cam, before.evidence[name].cam)
    assert_close(after.gates[0].weight, before.gates[0].weight)
    assert_close(after.gates[0].gated, before.gates[0].gated)


def test_without_mappers_nothing_is_read_twice():
    pytest.importorskip('captum')
    model = build(mapper=None)
    for parts in (['appearance', 'fused'], ['fused']):
        found = explain(model, image())
        assert found.gates == []
        assert list(found.evidence) == parts
        model.switch_to_deploy()


SWIN = dict(
    type='SwinTransformer',
    arch=dict(embed_dims=24, depths=[1, 1, 1, 1], num_heads=[1, 2, 2, 4]),
    img_size=64,
    window_size=2,
)
OTHERS = dict(
    convnext=(dict(type='ConvNeXt', arch='atto'), None, 320),
    swin=(SWIN, dict(type='GlobalAveragePooling'), 192),
)


def signed_cam(model, x):
    """Return Grad-CAM of the fused decision by hand, before negatives are cut off."""
    last = model.fused_maps(x)[-1]
    last = last.detach().requires_grad_()
    feats = (model.semantic.stages.output(model.backbone, 3, last),)
    logits = model.head(model.neck(feats) if model.neck else feats)
    (gradient,) = torch.autograd.grad(logits.max(), last)
    return (gradient.mean((2, 3), keepdim=True) * last.detach()).sum(1)[0]


@pytest.mark.slow
@pytest.mark.parametrize('family', OTHERS)
def test_other_families_have_maps_too(family):
    pytest.importorskip('captum')
    backbone, neck, channels = OTHERS[family]
    head = dict(type='LinearClsHead', num_classes=5, in_channels=channels)
    model = build(backbone=backbone, neck=neck, head=head)
    x = image(64, 64)
    found = explain(model, x)
    assert_close(found.evidence['fused'].scores, model(x)[0].softmax(0).detach())
    raw = signed_cam(model, x)
    assert_close(found.evidence['fused'].cam, raw.clamp(min=0))
    assert raw.min() < 0
    for evidence in found.evidence.values():
        assert evidence.cam.shape == (2, 2)
        assert torch.isfinite(evidence.cam).all()
    (plain,) = model.semantic.maps(x, 3)[-1]
    assert plain.min() < 0
    assert found.gates[0].semantic == pytest.approx(plain.abs().mean().item())


def test_a_plain_classifier_has_one_part_and_evidence_for_the_true_class():
    pytest.importorskip('captum')
    head = dict(type='LinearClsHead', num_classes=5, in_channels=CHANNELS[-1])
    neck = dict(type='GlobalAveragePooling')
    cfg = dict(type='ImageClassifier', backbone=backbone_cfg(), neck=neck, head=head)
    model, x = randomise(MODELS.build(cfg), std=0.2).double().eval(), image()
    found = explain(model, x)
    (evidence,) = found.evidence.values()
    assert list(found.evidence) == ['whole'] and found.gates == []
    assert_close(evidence.scores, model(x).softmax(1)[0].detach())
    assert evidence.true_cam is None
    predicted = int(evidence.scores.argmax())
    assert explain(model, x, predicted).evidence['whole'].true_cam is None
    other = (predicted + 1) % 5
    true_cam = explain(model, x, other).evidence['whole'].true_cam
    last = model.backbone(x)[-1].detach().requires_grad_()
    logits = model.head(model.neck((last,)))
    (gradient,) = torch.autograd.grad(logits[0, other], last)
    expected = (gradient.mean((2, 3), keepdim=True) * last).sum(1)[0].clamp(min=0)
    assert_close(true_cam, expected.detach())


@pytest.mark.parametrize(
    ('backbone', 'neck', 'channels'),
    [
        (dict(type='PoolFormer', arch='s12'), True, 512),  # of no known family
        (dict(type='ConvNeXt', arch='atto'), False, 320),  # pools by itself
    ],
)
def test_backbones_of_all_kinds_are_explained(backbone, neck, channels):
    pytest.importorskip('captum')
    head = dict(type='LinearClsHead', num_classes=5, in_channels=channels)
    cfg = dict(type='ImageClassifier', backbone=backbone, head=head)
    cfg['neck'] = dict(type='GlobalAveragePooling') if neck else None
    model = randomise(MODELS.build(cfg), std=0.1).eval()
    x = torch.randn(1, 3, 96, 96)
    evidence = explain(model, x).evidence['whole']
    assert_close(evidence.scores, model(x).softmax(1)[0].detach())
    assert evidence.cam.shape == (3, 3)
    assert evidence.cam.min() >= 0
    if neck:  # by hand
        (last,) = model.backbone(x)
        last = last.detach().requires_grad_()
        logits = model.head(model.neck((last,)))
        (gradient,) = torch.autograd.grad(logits.max(), last)
        expected = (gradient.mean((2, 3), keepdim=True) * last).sum(1)[0].clamp(min=0)
        assert_close(evidence.cam, expected.detach())


def test_a_backbone_without_a_feature_map_is_named():
    vit = dict(type='VisionTransformer', arch='deit-tiny', img_size=32, patch_size=16)
    head = dict(type='LinearClsHead', num_classes=5, in_channels=192)
    cfg = dict(type='ImageClassifier', backbone=vit, head=head)
    with pytest.raises(ValueError, match='VisionTransformer returns no feature map'):
        explain(MODELS.build(cfg).eval(), image())


def test_another_classifier_is_named():
    with pytest.raises(TypeError, match='model=Linear is not supported; give'):
        explain(torch.nn.Linear(2, 2), image())


@pytest.mark.parametrize(
    'backbone', [dict(type='VGG', depth=11), dict(type='InceptionV3')]
)
def test_a_network_that_classifies_inside_its_backbone_is_refused(backbone):
    cfg = dict(type='ImageClassifier', backbone=dict(backbone, num_classes=3))
    with without_memory():
        model = MODELS.build(dict(cfg, head=dict(type='ClsHead'))).eval()
    match = (
        f'^explain: {backbone["type"]} classifies inside its backbone .* LinearClsHead'
    )
    with pytest.raises(ValueError, match=match) as error:
        explain(model, image())
    assert 'ADFClassifier' not in str(error.value)
    assert explained_part(model) == (None, str(error.value))


def test_one_image_in_evaluation_mode_is_asked_for():
    model = build()
    with pytest.raises(ValueError, match='got 2 images'):
        explain(model, image().expand(2, -1, -1, -1))
    with pytest.raises(ValueError, match=r'training=True; give one image.*eval'):
        explain(model.train(), image())


def test_missing_captum_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, 'captum.attr', None)
    with pytest.raises(ImportError, match="pip install 'captum>=0.9'"):
        import_grad_cam()
