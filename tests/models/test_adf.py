import copy
from itertools import product

import cv2
import mmpretrain
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.model import convert_sync_batchnorm
from mmengine.registry import DefaultScope
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch.testing import assert_close

from mmadf.models.classifiers import wiring
from mmadf.models.stages import stage_shapes
from tests.conftest import ROOT
from tests.helpers import CHANNELS, adf_cfg, backbone_cfg, randomise, samples

LABELS = torch.tensor([0, 3, 1, 4])


@pytest.fixture(autouse=True)
def _scope():
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        yield


def build(**changes):
    model = MODELS.build(adf_cfg(**changes))
    model.init_weights()
    return model


def images(size=16):
    return torch.randn(4, 3, size, size)


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
        return {route.target for route in adf.routes}

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
    shallow = adf.appearance_maps(x, 1)
    middle, last = adf.extract_feat(x, stage='backbone')
    adf.backbone.out_indices = (1,)
    expected = adf.mappers[0](shallow[:1], adf.backbone(x)[0])
    assert_close(middle, expected)
    deep = adf.backbone.layer4(adf.backbone.layer3(expected))
    assert_close(last, adf.mappers[1](shallow[1:], deep))


def test_readouts_agree_with_scores():
    adf, x = build(), images()
    randomise(adf.mappers)
    adf.eval()
    scores = adf.scores(x)
    assert_close(scores['sum'], scores['semantic'] + scores['appearance'])
    for readout, logits in scores.items():
        adf.readout = readout
        assert_close(adf(x), logits)
        predicted = adf.predict(x, samples(LABELS))
        probabilities = torch.stack([sample.pred_score for sample in predicted])
        assert_close(probabilities, logits.softmax(1))
        labels = torch.cat([sample.pred_label for sample in predicted])
        assert labels.tolist() == logits.argmax(1).tolist()


# Loss


def cross_entropy(logits):
    return -logits.log_softmax(1)[range(len(LABELS)), LABELS].mean()


def test_losses_are_the_weighted_cross_entropies_of_both_heads():
    adf, x = build(semantic_weight=2.0, appearance_weight=0.5), images()
    randomise(adf.mappers, std=0.1)
    scores, losses = adf.scores(x), adf.loss(x, samples(LABELS))
    assert set(losses) == {'semantic_loss', 'appearance_loss'}
    assert_close(losses['semantic_loss'], 2 * cross_entropy(scores['semantic']))
    assert_close(losses['appearance_loss'], cross_entropy(scores['appearance']) / 2)
    total, _ = adf.parse_losses(losses)
    assert_close(total, sum(losses.values()))


def test_mean_of_the_losses_is_weighted():
    choices = dict(semantic_weight=1.0, appearance_weight=3.0)
    adf, x = build(**choices, loss_reduction='mean'), images()
    adf.eval()
    scores, losses = adf.scores(x), adf.loss(x, samples(LABELS))
    assert_close(losses['semantic_loss'], cross_entropy(scores['semantic']) / 4)
    assert_close(losses['appearance_loss'], cross_entropy(scores['appearance']) * 0.75)


def divergence(p, q):
    """Return KL(p || q) of softmax rows, mean of the batch."""
    p, q = p.softmax(1), q.softmax(1)
    return (p * (p / q).log()).sum(1).mean()


def test_mutual_learning_adds_both_divergences():
    adf, x = build(mutual_weight=0.5, mutual_temperature=2.0), images()
    randomise(adf.head), randomise(adf.appearance_head)
    adf.eval()
    scores, losses = adf.scores(x), adf.loss(x, samples(LABELS))
    s, a = scores['semantic'] / 2, scores['appearance'] / 2
    assert_close(losses['semantic_mutual_loss'], 0.5 * 4 * divergence(a, s))
    assert_close(losses['appearance_mutual_loss'], 0.5 * 4 * divergence(s, a))
    total, _ = adf.parse_losses(losses)
    assert_close(total, sum(losses.values()))


def test_mutual_learning_uses_the_logits_of_the_cross_entropy():
    head = dict(
        type='WiseSrNetHead',
        num_classes=5,
        in_channels=CHANNELS[-1],
        map_size=2,
        pool_size=None,
        dropout=0.5,
    )
    adf, passes = build(neck=None, head=head, mutual_weight=1.0), []
    randomise(adf.head), randomise(adf.appearance_head)
    for part in (adf.head, adf.appearance_head):
        part.register_forward_hook(lambda *args: passes.append(args[2]))
    losses = adf.loss(images(), samples(LABELS))
    s, a = passes
    assert_close(losses['semantic_loss'], F.cross_entropy(s, LABELS))
    assert_close(losses['semantic_mutual_loss'], divergence(a, s))
    assert_close(losses['appearance_mutual_loss'], divergence(s, a))


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
    scores = adf.scores(data['inputs'])
    losses = adf.loss(**data)
    for branch in ('semantic', 'appearance'):
        expected = -(target * scores[branch].log_softmax(1)).sum(1).mean()
        assert_close(losses[f'{branch}_loss'], expected)


# Branches


def step(adf, x, lr=0.1):
    total, _ = adf.parse_losses(adf.loss(x, samples(LABELS)))
    total.backward()
    torch.optim.SGD(adf.parameters(), lr=lr).step()


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
    adf = randomise(build(appearance_weight=0.0, stop_gradient=True), std=0.2)
    step(adf, images())
    for name, parameter in adf.named_parameters():
        moved = parameter.grad is not None and bool(parameter.grad.abs().sum() > 0)
        assert moved != name.startswith('appearance_'), name


def test_branches_share_no_storage():
    adf = build()
    storages = [p.untyped_storage().data_ptr() for p in adf.parameters()]
    assert len(set(storages)) == len(storages)


def test_branches_start_from_different_draws():
    adf = build()
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


# Backbones


def test_channels_and_strides_are_inferred():
    backbone = dict(type='DenseNet', arch='121')
    head = dict(type='LinearClsHead', num_classes=5, in_channels=1024)
    mapper = MODELS.build(adf_cfg(backbone=backbone, head=head)).mappers[0]
    assert (mapper.out_channels, mapper.in_channels) == (1024, (128, 256))
    assert mapper.strides == (4, 2)


BACKBONES = dict(
    resnet=(dict(type='ResNet', depth=18), 512, False),
    regnet=(dict(type='RegNet', arch='regnetx_400mf'), 384, False),
    efficientnet=(dict(type='EfficientNet', arch='b0'), 1280, False),
    swin=(
        dict(
            type='SwinTransformer',
            arch=dict(embed_dims=24, depths=[1, 1, 2, 1], num_heads=[1, 2, 2, 4]),
            pad_small_map=True,
        ),
        192,
        False,
    ),
    convnext=(
        dict(type='ConvNeXt', arch='atto', gap_before_final_norm=False),
        320,
        True,
    ),
    densenet=(
        dict(
            type='DenseNet',
            arch=dict(growth_rate=8, depths=[2, 2, 3, 2], init_channels=16),
        ),
        36,
        True,
    ),
    vgg=(dict(type='VGG', depth=11), 512, True),
)


@torch.no_grad()
@pytest.mark.parametrize('name', BACKBONES)
def test_resizing_is_inferred_where_some_image_size_needs_it(name):
    backbone, channels, resize = BACKBONES[name]
    head = dict(type='LinearClsHead', num_classes=5, in_channels=channels)
    mapper = dict(type='Mapper', sources=(0, 1), target=-2)
    adf = MODELS.build(adf_cfg(backbone=backbone, head=head, mapper=mapper)).eval()
    assert adf.mappers[0].resize == resize
    for height, width in ((64, 64), (100, 150), (75, 97), (90, 225)):
        assert adf(torch.randn(1, 3, height, width)).shape == (1, 5)


def test_a_size_on_which_a_backbone_does_not_run_is_left_out(monkeypatch):
    def _only_224(backbone, stages, size=224):
        if size != 224:
            raise ValueError('cannot be inferred')
        return stage_shapes(backbone, stages, size)

    monkeypatch.setattr(wiring, 'stage_shapes', _only_224)
    mapper = MODELS.build(adf_cfg()).mappers[0]
    assert (mapper.strides, mapper.resize) == ((8, 4), False)


def halvings(size, orders):
    """Return the sizes that halving gives, up or down as `orders` say."""
    sizes = [size]
    for up in orders:
        sizes.append((sizes[-1] + up) // 2)
    return sizes


@pytest.mark.parametrize('length', range(5))
def test_every_halving_meets_an_odd_size(length):
    for orders in product((0, 1), repeat=length):
        last = [halvings(size, orders)[-1] for size in wiring.IMAGE_SIZES]
        assert any(size % 2 for size in last), orders


def test_maps_that_do_not_halve_evenly_are_resized():
    backbone = dict(type='mmadf.InceptionV3Map')  # 54, 25 and 5 pixels high
    head = dict(type='LinearClsHead', num_classes=5, in_channels=2048)
    mapper = MODELS.build(adf_cfg(backbone=backbone, head=head)).mappers[0]
    assert (mapper.strides, mapper.resize) == ((8, 4), True)


def test_inference_of_shapes_leaves_random_state_and_mode_alone():
    given = dict(
        type='Mapper',
        sources=(0, 1),
        in_channels=CHANNELS[:2],
        out_channels=CHANNELS[-1],
        strides=(8, 4),
    )
    torch.manual_seed(1)
    inferred = MODELS.build(adf_cfg())
    torch.manual_seed(1)
    stated = MODELS.build(adf_cfg(mapper=given))
    assert inferred.backbone.training
    assert_close(inferred.state_dict(), stated.state_dict(), rtol=0, atol=0)


def test_appearance_branch_can_have_another_backbone():
    adf = build(
        appearance=dict(backbone=backbone_cfg(base_channels=4, stem_channels=4))
    )
    assert adf.appearance_head.fc.in_features == 32
    assert adf.mappers[0].in_channels == (4, 8)
    step(adf, images())


def test_a_source_may_lie_behind_what_the_appearance_head_takes():
    shallow = backbone_cfg(out_indices=(1,))
    head = dict(type='LinearClsHead', num_classes=5, in_channels=CHANNELS[1])
    adf = build(
        appearance=dict(backbone=shallow, head=head),
        mapper=dict(type='Mapper', sources=(2,)),
    )
    randomise(adf.mappers, std=0.2)
    x = images()
    step(adf, x)
    adf.eval()
    (second,) = adf.appearance_backbone(x)
    expected = adf.appearance_head.fc(second.mean((2, 3)))
    assert_close(adf.scores(x)['appearance'], expected)
    assert adf.appearance_backbone.layer3[0].bn2.weight.grad.abs().sum() > 0
    assert not list(adf.appearance_backbone.layer4.parameters())


def test_host_heads_work_on_both_branches():
    wise = dict(
        type='WiseSrNetHead', num_classes=5, in_channels=64, map_size=2, pool_size=None
    )
    adf = build(neck=None, head=wise)
    assert type(adf.appearance_head) is type(adf.head)
    step(adf, images())


# What the host's tools ask for


def test_extract_feat_stages():
    adf, x = randomise(build()).eval(), images()
    (fused,) = adf.extract_feat(x, stage='backbone')
    assert_close(adf.extract_feat(x)[0], fused.mean((2, 3)))
    assert_close(adf.extract_feat(x, stage='pre_logits'), fused.mean((2, 3)))
    with pytest.raises(ValueError, match="stage='heads' is none of"):
        adf.extract_feat(x, stage='heads')


def test_modes():
    adf, x = build(), images()
    assert_close(adf(x, mode='tensor'), adf.scores(x)['semantic'])
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
    assert_close(other.scores(x), one.scores(x))


# Errors


@pytest.mark.parametrize(
    ('changes', 'error', 'message'),
    [
        (dict(mapper=dict(type='Mapper')), ValueError, 'sources=None must name'),
        (
            dict(mapper=dict(type='Mapper', sources=(-1,))),
            ValueError,
            'must name stages .* from 0 to 3',
        ),
        (
            dict(mapper=dict(type='Mapper', sources=(0, 7))),
            ValueError,
            r'sources=\(0, 7\) must name stages of .*, from 0 to 3',
        ),
        (
            dict(mapper=dict(type='Mapper', sources=(0,), target=4)),
            ValueError,
            'target=4 must be a stage of the semantic backbone, from 0 to 3',
        ),
        (
            dict(
                backbone=backbone_cfg(out_indices=(1,)),
                mapper=dict(type='Mapper', sources=(0,), target=2),
            ),
            ValueError,
            'target=2 must be .* from 0 to 1',
        ),
        (dict(readout='both'), ValueError, "readout='both' is none of"),
        (dict(appearance_weight=-1), ValueError, 'appearance_weight=-1 must be >= 0'),
        (dict(appearance=dict(mapper=1)), ValueError, r"appearance has \['mapper'\]"),
        (dict(head=None), TypeError, 'head is a NoneType; give its config'),
        (dict(backbone=torch.nn.Identity()), TypeError, 'backbone is a Identity'),
        (dict(mappper=None), TypeError, "unexpected keyword argument 'mappper'"),
        (
            dict(backbone=dict(type='HRNet', arch='w18')),
            ValueError,
            'backbone mmpretrain.*HRNet .*use one of .*ResNet',
        ),
        (dict(mutual_weight=-0.5), ValueError, 'mutual_weight=-0.5 must be >= 0'),
        (
            dict(mutual_temperature=0.0),
            ValueError,
            'mutual_temperature=0.0 must be > 0',
        ),
        (
            dict(
                mutual_weight=1.0,
                head=dict(
                    type='MultiLabelLinearClsHead',
                    num_classes=5,
                    in_channels=CHANNELS[-1],
                ),
            ),
            ValueError,
            'mutual_weight needs .* got MultiLabelLinearClsHead; set mutual_weight=0',
        ),
        (dict(loss_reduction='max'), ValueError, "loss_reduction='max' is none of"),
        (
            dict(loss_reduction='mean', semantic_weight=0),
            ValueError,
            'set semantic_weight > 0',
        ),
    ],
)
def test_bad_config_is_named(changes, error, message):
    with pytest.raises(error, match=message):
        MODELS.build(adf_cfg(**changes))


def test_mapper_must_be_written_out():
    cfg = adf_cfg()
    del cfg['mapper']
    with pytest.raises(TypeError, match="missing .* 'mapper'"):
        MODELS.build(cfg)


def test_source_coarser_than_the_target_is_named():
    backbone = backbone_cfg()
    mapper = dict(type='Mapper', sources=(3,), target=1)
    with pytest.raises(ValueError, match='source stage 3 is 28 pixels high and .* 112'):
        MODELS.build(adf_cfg(backbone=backbone, mapper=mapper))
