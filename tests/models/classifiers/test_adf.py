"""The whole classifier: laws, gradients, readouts and what the host asks for."""

import copy

import cv2
import mmpretrain
import numpy as np
import pytest
import torch
from mmengine.model import convert_sync_batchnorm
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch.testing import assert_close

from tests.conftest import ROOT
from tests.helpers import CHANNELS, adf_cfg, backbone_cfg, randomise, samples
from tests.models.classifiers.helpers import LABELS, build, images, step


def plain_classifier(adf, prefix=''):
    """Return an ImageClassifier with the weights of one branch."""
    cfg = {k: v for k, v in adf_cfg().items() if k in ('backbone', 'neck', 'head')}
    plain = MODELS.build(dict(type='ImageClassifier', **cfg))
    branch = {
        name.removeprefix(prefix): value
        for name, value in adf.state_dict().items()
        if name.startswith(tuple(prefix + slot for slot in ('backbone.', 'head.')))
    }
    plain.load_state_dict(branch)
    return plain


# Law: what ADF reduces to


def test_fresh_fused_head_is_the_plain_classifier():
    adf, x = build(), images()
    assert_close(adf(x), plain_classifier(adf)(x))


def test_appearance_head_is_the_plain_classifier_whatever_the_mapper_does():
    adf, x = build(readout='appearance'), images()
    randomise(adf.mappers)
    assert_close(adf(x), plain_classifier(adf, 'appearance_')(x))


def test_without_mapper_it_is_the_logit_ensemble():
    adf, x = build(mapper=None, readout='sum'), images()
    one, other = plain_classifier(adf), plain_classifier(adf, 'appearance_')
    assert_close(adf(x), one(x) + other(x))


@torch.no_grad()
def test_fused_head_is_the_mapper_applied_to_both_backbones():
    adf, x = build(), images()
    randomise(adf.mappers)
    adf.eval()
    adf.appearance_backbone.out_indices = (0, 1)
    shallow = adf.appearance_backbone(x)
    assert [m.shape[1] for m in shallow] == [CHANNELS[0], CHANNELS[1]]
    fused = adf.mappers[0](shallow, adf.backbone(x)[0])
    expected = fused.mean((2, 3)) @ adf.head.fc.weight.T + adf.head.fc.bias
    assert_close(adf(x), expected)


@torch.no_grad()
def test_several_mappers_act_one_after_the_other():
    adf = build(
        mapper=[
            dict(type='Mapper', sources=(0,)),
            dict(type='Mapper', sources=(2,), fusion='convex'),
        ]
    )
    randomise(adf.mappers)
    adf.eval()
    x = images()
    adf.appearance_backbone.out_indices = (0, 2)
    shallow, s = adf.appearance_backbone(x), adf.backbone(x)[0]
    fused = adf.mappers[1](shallow[1:], adf.mappers[0](shallow[:1], s))
    assert_close(adf.extract_feat(x, stage='backbone')[0], fused)


@torch.no_grad()
def test_later_stages_see_the_fused_map():
    adf = build(mapper=[dict(type='Mapper', sources=(0, 1), target=2, fusion='convex')])
    randomise(adf.mappers)
    adf.eval()
    x = images()
    adf.appearance_backbone.out_indices = adf.backbone.out_indices = (0, 1, 2)
    shallow, deep = adf.appearance_backbone(x), adf.backbone(x)
    fused = adf.backbone.layer4(adf.mappers[0](shallow[:2], deep[2]))
    expected = fused.mean((2, 3)) @ adf.head.fc.weight.T + adf.head.fc.bias
    assert_close(adf(x), expected)
    assert (adf.backbone.layer4(deep[2]) - fused).abs().max() > 0.1


@torch.no_grad()
def test_negative_targets_count_from_the_last_stage_that_runs():
    def targets(last):
        mappers = [dict(type='Mapper', sources=(0,), target=t) for t in (-1, -2)]
        adf = build(mapper=mappers, backbone=backbone_cfg(out_indices=(last,)))
        return {route.target for route in adf.mappers.routes}

    assert targets(3) == {3, 2}
    assert targets(2) == {2, 1}


def test_a_map_between_two_targets_is_returned_as_fused():
    adf = build(
        backbone=backbone_cfg(out_indices=(1, 3)),
        mapper=[
            dict(type='Mapper', sources=(0,), target=1),
            dict(type='Mapper', sources=(1,), target=3),
        ],
    )
    randomise(adf.mappers)
    adf.eval()
    x = images()
    shallow = adf.appearance.maps(x, 1)
    middle, last = adf.extract_feat(x, stage='backbone')
    adf.backbone.out_indices = (1,)
    expected = adf.mappers[0](shallow[:1], adf.backbone(x)[0])
    assert_close(middle, expected)
    deep = adf.backbone.layer4(adf.backbone.layer3(expected))
    assert_close(last, adf.mappers[1](shallow[1:], deep))


def test_readouts_agree_with_their_logits():
    adf, x = build(), images()
    randomise(adf.mappers)
    adf.eval()
    scores = adf.logits_by_readout(x)
    assert_close(scores['sum'], scores['semantic'] + scores['appearance'])
    for readout, logits in scores.items():
        adf.readout = readout
        assert_close(adf(x), logits)
        predicted = adf.predict(x, samples(LABELS))
        probabilities = torch.stack([sample.pred_score for sample in predicted])
        assert_close(probabilities, logits.softmax(1))
        labels = torch.cat([sample.pred_label for sample in predicted])
        assert labels.tolist() == logits.argmax(1).tolist()


# Branches


def test_every_parameter_of_both_branches_gets_a_gradient():
    adf = randomise(build(), std=0.2)
    step(adf, images())
    without = [n for n, p in adf.named_parameters() if not p.grad.abs().sum() > 0]
    assert without == []


def test_semantic_loss_reaches_shallow_appearance_and_never_its_deep_stages():
    adf = randomise(build(appearance_weight=0.0), std=0.2)
    step(adf, images())
    grads = {
        stage: sum(p.grad.abs().sum() for p in layer.parameters()).item()
        for stage, layer in adf.appearance_backbone.named_children()
        if stage.startswith('layer')
    }
    assert min(grads['layer1'], grads['layer2']) > 0
    assert grads['layer3'] == grads['layer4'] == 0


def test_appearance_loss_never_reaches_the_semantic_branch():
    adf = randomise(build(semantic_weight=0.0), std=0.2)
    step(adf, images())
    for module in (adf.backbone, adf.head, adf.mappers):
        assert all(p.grad.abs().sum() == 0 for p in module.parameters())


def test_stopped_gradient_keeps_the_semantic_loss_from_the_appearance_branch():
    adf = randomise(build(stop_gradient=True), std=0.2)
    adf.objective.appearance_weight = 0.0
    step(adf, images())
    for name, parameter in adf.named_parameters():
        moved = parameter.grad is not None and bool(parameter.grad.abs().sum() > 0)
        assert moved != name.startswith('appearance_'), name


def test_branches_share_no_storage():
    adf = build()
    storages = [p.untyped_storage().data_ptr() for p in adf.parameters()]
    assert len(set(storages)) == len(storages)


def test_branches_have_different_initial_weights():
    adf = build()
    adf.init_weights()
    for name, weight in adf.backbone.named_parameters():
        other = adf.appearance_backbone.get_parameter(name)
        if weight.ndim > 1:
            assert (weight - other).abs().mean() > 1e-3, name
    assert (adf.head.fc.weight - adf.appearance_head.fc.weight).abs().mean() > 1e-3


def test_after_a_step_the_fused_result_differs_from_the_plain_one():
    adf, x = build(), images()
    step(adf, x, lr=1.0)
    adf.eval()
    plain = plain_classifier(adf)
    plain.eval()
    assert (adf(x) - plain(x)).abs().max() > 1e-4


@pytest.mark.parametrize(
    'appearance', [None, dict(backbone=backbone_cfg(base_channels=4, stem_channels=4))]
)
def test_config_is_left_as_it_was(appearance):
    cfg = adf_cfg(appearance=appearance)
    before = copy.deepcopy(cfg)
    MODELS.build(cfg)
    assert cfg == before


def test_initialisation_loads_pretrained_branches_unless_deployed(tmp_path):
    cfg = {k: v for k, v in adf_cfg().items() if k in ('backbone', 'neck', 'head')}
    plain = randomise(MODELS.build(dict(type='ImageClassifier', **cfg)))
    torch.save(plain.state_dict(), tmp_path / 'plain.pth')
    adf = build(pretrained_branches=dict(checkpoint=str(tmp_path / 'plain.pth')))
    adf.init_weights()
    for slot in ('backbone', 'head'):
        expected = getattr(plain, slot).state_dict()
        for prefix in ('', 'appearance_'):
            found = getattr(adf, prefix + slot).state_dict()
            assert_close(dict(found), dict(expected), rtol=0, atol=0)
    gone = dict(checkpoint=str(tmp_path / 'gone.pth'))
    build(pretrained_branches=gone, deploy=dict()).init_weights()
    with pytest.raises(FileNotFoundError):
        build(pretrained_branches=gone).init_weights()


# What the host's tools ask for


def test_extract_feat_stages():
    adf, x = randomise(build()).eval(), images()
    (fused,) = adf.extract_feat(x, stage='backbone')
    assert_close(adf.extract_feat(x)[0], fused.mean((2, 3)))
    assert_close(adf.extract_feat(x, stage='pre_logits'), fused.mean((2, 3)))
    with pytest.raises(ValueError, match="stage='heads' is none of"):
        adf.extract_feat(x, stage='heads')


@torch.no_grad()
@pytest.mark.parametrize('readout', ['semantic', 'appearance'])
def test_pre_logits_are_those_of_the_head(readout):
    head = dict(type='WiseSrNetHead', num_classes=5, in_channels=CHANNELS[-1])
    head.update(map_size=2, pool_size=None, constraint=None)
    adf, x = randomise(build(neck=None, head=head, readout=readout)).eval(), images()
    (feature_map,) = adf.extract_feat(x, 'backbone')
    own = adf.head if readout == 'semantic' else adf.appearance_head
    kernel = own.pooling.spatial
    expected = (feature_map * kernel.weight[:, 0]).sum((2, 3)) + kernel.bias
    assert_close(adf.extract_feat(x, 'pre_logits'), expected)


@pytest.mark.parametrize('stage', ['backbone', 'neck', 'pre_logits'])
def test_features_are_those_of_the_readout(stage):
    adf, x = randomise(build()).eval(), images()

    def features(readout):
        adf.readout = readout
        found = adf.extract_feat(x, stage)
        return found if stage == 'pre_logits' else found[-1]

    maps = adf.appearance.maps(x)[-1]
    appearance = maps if stage == 'backbone' else maps.mean((2, 3))
    assert_close(features('appearance'), appearance)
    expected = torch.cat([features('semantic'), appearance], dim=1)
    assert_close(features('sum'), expected)


def test_features_of_the_sum_are_refused_if_their_sizes_differ():
    strides = dict(strides=(1, 2, 2, 1))
    other = dict(backbone=backbone_cfg(**strides))
    adf, x = build(appearance=other, readout='sum').eval(), images()
    with pytest.raises(ValueError, match="readout='sum' .* set readout to the branch"):
        adf.extract_feat(x, 'backbone')
    assert adf.extract_feat(x, 'pre_logits').shape == (len(x), 2 * CHANNELS[-1])


@torch.no_grad()
def test_the_appearance_readout_does_not_run_the_semantic_branch():
    adf, x = randomise(build(readout='appearance')).eval(), images()
    expected, calls = adf.logits_by_readout(x)['appearance'], []
    adf.backbone.conv1.register_forward_hook(lambda *_: calls.append(1))
    assert_close(adf(x), expected)
    assert calls == []


def test_modes():
    adf, x = build(), images()
    assert_close(adf(x, mode='tensor'), adf.logits_by_readout(x)['semantic'])
    assert set(adf(x, samples(LABELS), mode='loss')) == set(
        adf.loss(x, samples(LABELS))
    )
    assert isinstance(adf(x, mode='predict')[0], DataSample)
    with pytest.raises(RuntimeError, match='Invalid mode'):
        adf(x, mode='train')


def test_inferencer_gives_the_models_prediction(tmp_path):
    from mmpretrain import ImageClassificationInferencer

    image = np.random.default_rng(0).integers(0, 256, (20, 24, 3), dtype=np.uint8)
    weights = tmp_path / 'weights.pth'
    config = str(ROOT / 'configs/adf/adf_tiny_digits.py')
    model = mmpretrain.get_model(config)
    torch.save(randomise(model, std=0.1).state_dict(), weights)
    inferencer = ImageClassificationInferencer(config, pretrained=str(weights))
    (result,) = inferencer(image)
    resized = torch.from_numpy(cv2.resize(image, (16, 16))).permute(2, 0, 1)
    scores = model((resized[None].float() - 127.5) / 127.5).softmax(1)
    assert_close(torch.from_numpy(result['pred_scores']), scores[0].detach())


def test_layer_depth_counts_both_branches_alike():
    backbone = dict(type='ResNet', depth=50)
    head = dict(type='LinearClsHead', num_classes=5, in_channels=2048)
    adf = MODELS.build(adf_cfg(backbone=backbone, head=head))
    plain = MODELS.build(
        dict(type='ImageClassifier', backbone=backbone, head=head)
    ).get_layer_depth
    for name in ('conv1.weight', 'layer1.0.conv1.weight', 'layer3.5.bn1.weight'):
        expected = plain(f'backbone.{name}')
        assert adf.get_layer_depth(f'backbone.{name}') == expected
        assert adf.get_layer_depth(f'appearance_backbone.{name}') == expected
    last = plain('head.fc.weight')
    for name in ('head.fc.weight', 'appearance_head.fc.weight', 'mappers.0.gate.x'):
        assert adf.get_layer_depth(name) == last


def test_sync_bn_conversion_keeps_the_result():
    adf, x = randomise(build(), std=0.2).eval(), images()
    expected = adf(x)
    converted = convert_sync_batchnorm(adf)
    kinds = {type(m) for m in converted.modules() if 'BatchNorm' in type(m).__name__}
    assert kinds == {torch.nn.SyncBatchNorm}
    assert_close(converted.eval()(x), expected)


def test_autocast_loss_is_close_to_float32():
    adf, x = randomise(build(), std=0.2).eval(), images()
    exact = adf.loss(x, samples(LABELS))
    with torch.autocast('cpu', dtype=torch.bfloat16):
        low = adf.loss(x, samples(LABELS))
    for name, value in exact.items():
        assert_close(low[name].float(), value, rtol=0.1, atol=0.1)


def test_state_dict_round_trip():
    one, other, x = randomise(build()).eval(), build().eval(), images()
    other.load_state_dict(one.state_dict())
    assert_close(other.logits_by_readout(x), one.logits_by_readout(x))


# Heads of different kinds


def test_each_readout_is_post_processed_by_its_own_head():
    multi_label = dict(
        type='MultiLabelLinearClsHead', num_classes=5, in_channels=CHANNELS[-1]
    )
    adf = randomise(build(appearance=dict(head=multi_label)), std=0.2).eval()
    x = images()
    scores = adf.logits_by_readout(x)
    assert set(scores) == {'semantic', 'appearance'}
    expected = dict(
        semantic=scores['semantic'].softmax(1),
        appearance=scores['appearance'].sigmoid(),
    )
    for readout, predicted in adf.predict_readouts(x, samples(LABELS)).items():
        found = torch.stack([sample.pred_score for sample in predicted])
        assert_close(found, expected[readout])
        adf.readout = readout
        alone = torch.stack([sample.pred_score for sample in adf.predict(x)])
        assert_close(alone, expected[readout])


def test_every_readout_is_predicted_in_one_pass_without_touching_the_annotations():
    adf, x, given = randomise(build(), std=0.2).eval(), images(), samples(LABELS)
    predicted, scores = adf.predict_readouts(x, given), adf.logits_by_readout(x)
    assert set(predicted) == {'semantic', 'appearance', 'sum'}
    for readout, logits in scores.items():
        found = torch.stack([sample.pred_score for sample in predicted[readout]])
        assert_close(found, logits.softmax(1))
        assert [s.gt_label.item() for s in predicted[readout]] == LABELS.tolist()
    assert not any('pred_score' in sample for sample in given)


# A feature extractor


@torch.no_grad()
@pytest.mark.parametrize('neck', [None, dict(type='GlobalAveragePooling')])
def test_without_a_head_it_extracts_the_same_features(neck):
    adf, x = randomise(build(neck=neck), std=0.2).eval(), images()
    extractor = build(neck=neck, head=None).eval()
    extractor.load_state_dict(adf.state_dict(), strict=False)
    assert_close(extractor(x), adf.extract_feat(x), rtol=0, atol=0)
    extracted = extractor.extract_feat(x, stage='backbone')
    assert_close(extracted, adf.extract_feat(x, stage='backbone'), rtol=0, atol=0)
    extractor.switch_to_deploy(fold=False)
    assert_close(extractor(x), adf.extract_feat(x), rtol=0, atol=0)


def test_without_a_head_the_appearance_branch_is_for_mappers_only():
    other = dict(head=adf_cfg()['head'], backbone=backbone_cfg(depth=34))
    for appearance in (None, other):
        adf = build(head=None, appearance=appearance)
        assert adf.appearance_head is adf.appearance_neck is None
        assert not list(adf.appearance_backbone.layer3.parameters())
    adf = build(head=None, mapper=None)
    assert not list(adf.appearance_backbone.parameters())


def test_without_a_head_nothing_is_learned_or_predicted():
    adf, x = build(head=None), images()
    calls = dict(
        loss=lambda: adf.loss(x, samples(LABELS)),
        predict=lambda: adf.predict(x),
        logits_by_readout=lambda: adf.logits_by_readout(x),
        logits=lambda: adf.extract_feat(x, stage='pre_logits'),
    )
    for call in calls.values():
        with pytest.raises(ValueError, match='head=None builds a feature extractor'):
            call()


def test_a_model_without_its_head_is_built_by_the_host():
    config = str(ROOT / 'configs/adf/adf_tiny_digits.py')
    model = mmpretrain.get_model(config, head=None)
    (features,) = model(torch.randn(1, 3, 16, 16))
    assert features.shape == (1, 128)
