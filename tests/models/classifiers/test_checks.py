"""Networks that an ADF classifier refuses to be."""

from itertools import product

import pytest
import torch
from mmengine.hub import get_config
from torch.testing import assert_close

from mmadf.registry import MODELS
from tests.helpers import adf_cfg, backbone_cfg, named, without_memory

GAP = dict(type='GlobalAveragePooling')
HOSTS = dict(
    inception=('inception_v3/inception-v3_8xb32_in1k.py', 2048),
    vgg=('vgg/vgg11bn_8xb32_in1k.py', 512),
)


def linear(channels):
    return dict(type='LinearClsHead', num_classes=5, in_channels=channels)


def of_host(name, **changes):
    """Return the three lines of ADF over a config of MMPretrain."""
    model = get_config(f'mmpretrain::{HOSTS[name][0]}').model.to_dict()
    mapper = dict(type='Mapper', sources=(0, 1), target=-2)
    return {**model, 'type': 'mmadf.ADFClassifier', 'mapper': mapper, **changes}


# Classifiers inside backbones


def test_a_branch_without_a_classifier_is_refused():
    for host, (neck, told) in product(HOSTS, [(None, 'None'), (GAP, GAP['type'])]):
        channels = HOSTS[host][1]
        message = (
            f"neck={told} and head=ClsHead nothing classifies .*'GlobalAverage.*"
            f"'LinearClsHead', in_channels={channels}, .*adf_inceptionv3_imagenet.py"
        )
        with (
            named(f'{host}, neck={told}'),
            without_memory(),
            pytest.raises(ValueError, match=message),
        ):
            MODELS.build(of_host(host, neck=neck))


def test_an_appearance_branch_without_a_classifier_is_refused():
    inside = dict(backbone=dict(type='InceptionV3'), head=dict(type='ClsHead'))
    message = r'nothing classifies .* InceptionV3, .* classifier \(fc\)'
    with without_memory(), pytest.raises(ValueError, match=message):
        MODELS.build(adf_cfg(mapper=None, appearance=inside))


@torch.no_grad()
def test_a_neck_may_classify_in_the_place_of_what_is_left_out():
    neck = dict(type='LinearNeck', gap_dim=2, in_channels=2048, out_channels=7)
    adf = MODELS.build(of_host('inception', neck=neck)).eval()
    assert adf(torch.randn(2, 3, 96, 96)).shape == (2, 7)


def test_the_classifier_of_vgg_is_no_stage():
    changes = dict(neck=GAP, head=linear(512))
    message = r'VGG: out_indices=\(5,\) must name stages from 0 to 4.*num_classes=-1'
    with without_memory(), pytest.raises(ValueError, match=message):
        MODELS.build(of_host('vgg', **changes))


@torch.no_grad()
def test_what_the_errors_say_to_write_builds():
    backbone = {**of_host('vgg')['backbone'], 'num_classes': -1}
    changes = dict(backbone=backbone, neck=GAP, head=linear(512))
    adf = MODELS.build(of_host('vgg', **changes)).eval()
    assert adf(torch.randn(2, 3, 64, 64)).shape == (2, 5)


# Another appearance backbone

SHALLOW = backbone_cfg(base_channels=4, stem_channels=4)  # 4 to 32 channels
FLATTEN = dict(
    type='WiseSrNetPooling',
    in_channels=64,
    map_size=4,
    pool_size=None,
    constraint=None,
    pooling='flatten',
)  # takes no image of 224 pixels
LINEAR_NECK = dict(type='LinearNeck', gap_dim=2, in_channels=64, out_channels=24)


@torch.no_grad()
@pytest.mark.parametrize(
    ('appearance', 'channels'),
    [
        (dict(backbone=SHALLOW), 32),
        (dict(backbone=SHALLOW, neck={**LINEAR_NECK, 'in_channels': 32}), 24),
        (dict(backbone=dict(type='ConvNeXt', arch='atto'), neck=None), 320),
        (dict(neck=LINEAR_NECK), 24),
        (dict(neck=[LINEAR_NECK]), 24),
        (dict(neck=FLATTEN), 64 * 4 * 4),
    ],
)
def test_the_appearance_head_takes_what_its_neck_gives(appearance, channels):
    adf = MODELS.build(adf_cfg(mapper=None, appearance=appearance)).eval()
    assert adf.appearance_head.fc.in_features == channels
    assert adf.logits_by_readout(torch.randn(2, 3, 32, 32))['appearance'].shape == (
        2,
        5,
    )
    assert adf.appearance_backbone.training is False


def test_an_appearance_head_that_cannot_be_inferred_is_named():
    for changes, message in [
        (
            dict(neck=LINEAR_NECK, head=linear(24), appearance=dict(backbone=SHALLOW)),
            'ResNet_CIFAR and LinearNeck .RuntimeError: ',
        ),
        (
            dict(head=dict(type='ClsHead'), appearance=dict(backbone=SHALLOW)),
            'ClsHead, takes no in_channels',
        ),
    ]:
        with named(changes), pytest.raises(ValueError, match=message):
            MODELS.build(adf_cfg(**changes))


def test_a_head_without_channels_is_taken_where_it_is_given():
    appearance = dict(backbone=backbone_cfg(depth=34), head=dict(type='ClsHead'))
    MODELS.build(adf_cfg(head=dict(type='ClsHead'), appearance=appearance))


# Arguments

MULTI_TASK = dict(
    type='MultiTaskHead', task_heads=dict(a=linear(64), b=linear(64)), in_channels=64
)
OTHER_CLASSES = dict(type='LinearClsHead', num_classes=7, in_channels=64)
MULTI_LABEL = dict(type='MultiLabelLinearClsHead', num_classes=5, in_channels=64)
NAN, INF = float('nan'), float('inf')


def fusing(**changes):
    return dict(mapper=dict(type='Mapper', **{**dict(sources=(0,)), **changes}))


def test_a_value_that_makes_no_network_is_named():
    for changes, message in [
        (dict(mapper=dict(type='Mapper')), 'sources=None'),
        (fusing(sources=(-1,)), r'sources=\(-1,\) .* from 0 to 3'),
        (fusing(sources=(0, 7)), r'sources=\(0, 7\) .* from 0 to 3'),
        (fusing(sources=()), r'sources=\(\)'),
        (fusing(sources=1), r'sources=1 .* sources=\(0, 1\)'),
        (fusing(sources=(0.5,)), r'sources=\(0.5,\)'),
        (fusing(sources='01'), "sources='01'"),
        (fusing(target=4), 'target=4 .* from 0 to 3'),
        (fusing(target=None), 'target=None'),
        (fusing(target='3'), "target='3'"),
        (
            dict(backbone=backbone_cfg(out_indices=(1,)), **fusing(target=2)),
            'target=2 .* from 0 to 1',
        ),
        (
            dict(mapper=dict(type='Mapper', sources=(3,), target=1)),
            'source stage 3 is 28 pixels .* 112',
        ),
        (dict(readout='both'), "readout='both' .*'semantic'"),
        (dict(loss_reduction='max'), "loss_reduction='max' .*'mean'"),
        (dict(loss_reduction='mean', semantic_weight=0), 'semantic_weight > 0'),
        (
            dict(semantic_weight=0, appearance_weight=0, distill_weight=1),
            'semantic_weight=0 and appearance_weight=0 leave no loss',
        ),
        (
            dict(stop_gradient=True, appearance_weight=0),
            'stop_gradient=True with appearance_weight=0 and distill_weight=0',
        ),
        (dict(appearance_weight=-1), 'appearance_weight=-1'),
        (dict(appearance_weight=INF), 'appearance_weight=inf'),
        (dict(semantic_weight=NAN), 'semantic_weight=nan'),
        (dict(teacher='both'), "teacher='both'"),
        (dict(distill_weight='1'), "distill_weight='1'"),
        (dict(distill_temperature=0.0), 'distill_temperature=0.0'),
        (dict(distill_temperature=NAN), 'distill_temperature=nan'),
        (dict(appearance=dict(mapper=1)), r"\['mapper'\]"),
        (dict(backbone=dict(type='HRNet', arch='w18')), 'HRNet.* ResNet'),
        (dict(head=MULTI_TASK), 'MultiTaskHead .* LinearClsHead'),
        (dict(appearance=dict(head=MULTI_TASK)), 'MultiTaskHead .* LinearClsHead'),
        (
            dict(appearance=dict(head=OTHER_CLASSES)),
            'appearance head has num_classes=7 and head has num_classes=5',
        ),
        (dict(head=None, readout='sum'), "readout='sum' needs heads, and head=None"),
        (
            dict(head=MULTI_LABEL, distill_weight=1.0),
            'distill_weight .* MultiLabelLinearClsHead',
        ),
        (
            dict(appearance=dict(head=MULTI_LABEL), readout='sum'),
            "readout='sum' .* LinearClsHead and MultiLabelLinearClsHead",
        ),
    ]:
        with named(changes), pytest.raises(ValueError, match=message):
            MODELS.build(adf_cfg(**changes))


def test_a_slot_without_a_type_is_named():
    for changes, message in [
        (dict(backbone=dict(depth=18)), "backbone={'depth': 18} has no type"),
        (
            dict(appearance=dict(backbone=dict(depth=18))),
            "appearance.backbone={'depth': 18} has no type",
        ),
        (dict(appearance=dict(neck=[GAP, {}])), r'appearance.neck=\[.* has no type'),
    ]:
        with named(changes), pytest.raises(ValueError, match=message):
            MODELS.build(adf_cfg(**changes))


def test_an_argument_that_is_no_config_is_named():
    for changes, message in [
        (dict(mapper='x'), "mapper='x'"),
        (dict(mapper=['x']), r"mapper=\['x'\]"),
        (dict(deploy=True), r'deploy=True .*dict\(fold=False\)'),
        (dict(pretrained_branches='x.pth'), r"pretrained_branches='x.pth'"),
        (dict(appearance='x'), "appearance='x'"),
        (dict(appearance=dict(head=None)), 'head is a NoneType'),
        (dict(backbone=torch.nn.Identity()), 'backbone is a Identity'),
        (dict(backbone=[GAP]), 'backbone is a list'),
        (dict(neck=[GAP, 'x']), 'neck is a list'),
        (dict(mappper=None), "'mappper'"),
    ]:
        with named(changes), pytest.raises(TypeError, match=message):
            MODELS.build(adf_cfg(**changes))


def test_mapper_must_be_written_out():
    cfg = adf_cfg()
    del cfg['mapper']
    with pytest.raises(TypeError, match="missing .* 'mapper'"):
        MODELS.build(cfg)


@torch.no_grad()
def test_a_neck_may_be_a_sequence():
    neck = [GAP, dict(type='LinearNeck', gap_dim=0, in_channels=64, out_channels=6)]
    adf = MODELS.build(adf_cfg(neck=neck, head=linear(6))).eval()
    x = torch.randn(2, 3, 16, 16)
    features = adf.extract_feat(x, stage='backbone')[0].mean((2, 3))
    expected = adf.head.fc(adf.neck[1]((features,))[0])
    assert_close(adf(x), expected)
    assert adf.appearance_neck[1].fc.weight is not adf.neck[1].fc.weight
