import sys

import pytest
import torch
from mmengine.registry import DefaultScope
from mmpretrain.registry import MODELS
from torch.testing import assert_close

from mmadf.analysis.explain.evidence import import_grad_cam
from mmadf.analysis.explain.explanation import explain, gate_views
from tests.helpers import CHANNELS, adf_cfg, backbone_cfg, randomise

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


@pytest.mark.parametrize('form', ['residual', 'convex'])
@pytest.mark.parametrize('granularity', ['element', 'spatial', 'channel', 'layer'])
@torch.no_grad()
def test_gate_views_are_gate_and_gated_appearance(form, granularity):
    model = build(mapper=dict(MAPPER, fusion=form, gate=granularity))
    x = image()
    (view,) = gate_views(model, x)
    (mapper,) = model.mappers
    shallow = MODELS.build(backbone_cfg(out_indices=(0, 1))).double()
    shallow.load_state_dict(model.appearance_backbone.state_dict())
    shallow.eval()
    (s,), a = model.backbone(x), appearance_of(mapper, shallow(x))
    gate = torch.sigmoid(mapper.gate.logits(s, a))
    share = (gate if form == 'residual' else 1 - gate).expand_as(a)[0]
    assert_close(view.opening.expand_as(share), share)
    for i in range(6):
        for j in range(4):
            arriving = sum(abs(share[c, i, j] * a[0, c, i, j]) for c in range(64)) / 64
            assert_close(view.arriving[i, j], arriving)
    assert view.joined == pytest.approx(sum(map(abs, s.flatten().tolist())) / s.numel())
    assert (view.sources, view.target) == ((0, 1), 3)
    places, channels = granularity in ('element', 'spatial'), 1
    if granularity in ('element', 'channel'):
        channels = 64
    assert view.has_places == places
    assert view.opening.shape == (channels, *((6, 4) if places else (1, 1)))


@torch.no_grad()
def test_each_mapper_has_its_view_and_a_later_one_joins_fused_features():
    mappers = [MAPPER, dict(type='Mapper', sources=(0,), target=1)]
    model = build(mapper=mappers)
    x = image()
    late, early = gate_views(model, x)
    assert (late.sources, late.target) == ((0, 1), 3)
    assert (early.sources, early.target) == ((0,), 1)
    assert early.arriving.shape == (24, 16)
    assert late.arriving.shape == (6, 4)
    maps = model.appearance.maps(x, 1)
    fused = model.mappers[1](maps[:1], model.semantic.maps(x, 1)[1])
    joined = model.backbone.layer4(model.backbone.layer3(fused))
    assert late.joined == pytest.approx(joined.abs().mean().item())
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
@pytest.mark.parametrize('name', PARTS)
def test_reading_is_softmax_and_grad_cam_by_hand(name, frozen):
    pytest.importorskip('captum')
    model = build(mapper=[dict(MAPPER, target=2), MAPPER]).requires_grad_(not frozen)
    x = image()
    reading = explain(model, x).readings[name]
    last, neck, head = last_map(model, name, x)
    last = last.detach().requires_grad_()
    logits = head(neck((last,)))
    assert_close(reading.scores, logits[0].softmax(0).detach())
    (gradient,) = torch.autograd.grad(logits.max(), last)
    for i in range(6):
        for j in range(4):
            total = sum(gradient[0, c].mean() * last[0, c, i, j] for c in range(64))
            assert_close(
                reading.cam[i, j], max(total.detach(), torch.zeros_like(total))
            )
    assert reading.cam.max() > 0
    assert not x.requires_grad
    assert all(parameter.grad is None for parameter in model.parameters())


def test_the_three_parts_differ_and_the_answer_is_the_readout():
    pytest.importorskip('captum')
    model, x = build(readout='sum'), image()
    found = explain(model, x)
    assert tuple(found.readings) == PARTS
    scores = [reading.scores for reading in found.readings.values()]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert (scores[one] - scores[other]).abs().max() > 1e-3
    assert_close(found.scores, model.scores(x)['sum'][0].softmax(0).detach())


def test_a_deployed_network_is_read_as_before_without_appearance():
    pytest.importorskip('captum')
    model, x = build(), image()
    before = explain(model, x)
    model.switch_to_deploy()
    after = explain(model, x)
    assert tuple(after.readings) == ('semantic', 'fused')
    for name, reading in after.readings.items():
        assert_close(reading.scores, before.readings[name].scores)
        assert_close(reading.cam, before.readings[name].cam)
    assert_close(after.gates[0].opening, before.gates[0].opening)
    assert_close(after.gates[0].arriving, before.gates[0].arriving)


@pytest.mark.parametrize('deployed', [False, True])
def test_without_mappers_nothing_is_read_twice(deployed):
    pytest.importorskip('captum')
    model = build(mapper=None)
    if deployed:
        model.switch_to_deploy()
    found = explain(model, image())
    assert found.gates == []
    assert tuple(found.readings) == (
        ('fused',) if deployed else ('appearance', 'fused')
    )


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


@pytest.mark.parametrize('family', OTHERS)
def test_other_families_have_maps_too(family):
    pytest.importorskip('captum')
    backbone, neck, channels = OTHERS[family]
    head = dict(type='LinearClsHead', num_classes=5, in_channels=channels)
    model = build(backbone=backbone, neck=neck, head=head)
    x = image(64, 64)
    found = explain(model, x)
    assert_close(found.readings['fused'].scores, model(x)[0].softmax(0).detach())
    raw = signed_cam(model, x)
    assert_close(found.readings['fused'].cam, raw.clamp(min=0))
    assert raw.min() < 0
    for reading in found.readings.values():
        assert reading.cam.shape == (2, 2)
        assert torch.isfinite(reading.cam).all()
    (plain,) = model.semantic.maps(x, 3)[-1]
    assert plain.min() < 0
    assert found.gates[0].joined == pytest.approx(plain.abs().mean().item())


def test_another_classifier_is_named():
    head = dict(type='LinearClsHead', num_classes=5, in_channels=CHANNELS[-1])
    plain = MODELS.build(
        dict(type='ImageClassifier', backbone=backbone_cfg(), head=head)
    )
    with pytest.raises(TypeError, match='got a ImageClassifier, which has no appear'):
        explain(plain, image())


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
