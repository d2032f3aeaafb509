"""Every family of backbones, fused between stages and deployed: one entry a family."""

import copy
from collections import Counter
from itertools import islice

import pytest
import torch
from mmengine.registry import DefaultScope
from mmpretrain.registry import MODELS
from torch.testing import assert_close

from mmadf.models.stages import stage_shapes, stages_of
from tests.helpers import named, samples

GAP = dict(type='GlobalAveragePooling')
SMALL = dict(stem_channels=16, base_channels=16)
# backbone, channels of what it returns, neck, pixels
FAMILIES = dict(
    resnet=(dict(type='ResNet', depth=18, **SMALL), 128, GAP, 64),
    resnet_deep_stem=(dict(type='ResNetV1d', depth=18, **SMALL), 128, GAP, 64),
    se_resnext=(dict(type='SEResNeXt', depth=50, groups=8, **SMALL), 512, GAP, 64),
    regnet=(dict(type='RegNet', arch='regnetx_400mf'), 384, GAP, 64),
    densenet=(
        dict(
            type='DenseNet',
            arch=dict(growth_rate=8, depths=[2, 2, 3, 2], init_channels=16),
        ),
        36,
        GAP,
        64,
    ),
    inception_v3=(dict(type='InceptionV3', num_classes=7), 2048, GAP, 80),
    inception_v3_map=(dict(type='mmadf.InceptionV3Map'), 2048, GAP, 80),
    convnext=(dict(type='ConvNeXt', arch='atto'), 320, None, 64),
    convnext_map=(
        dict(type='ConvNeXt', arch='atto', gap_before_final_norm=False),
        320,
        GAP,
        64,
    ),
    efficientnet=(dict(type='EfficientNet', arch='b0'), 1280, GAP, 64),
    swin=(
        dict(
            type='SwinTransformer',
            arch=dict(embed_dims=24, depths=[1, 1, 2, 1], num_heads=[1, 2, 2, 4]),
            img_size=64,
            window_size=2,
        ),
        192,
        GAP,
        64,
    ),
    swin_positions=(
        dict(
            type='SwinTransformer',
            arch=dict(embed_dims=24, depths=[1, 1, 2, 1], num_heads=[1, 2, 2, 4]),
            img_size=32,
            window_size=2,
            use_abs_pos_embed=True,
        ),
        192,
        GAP,
        64,
    ),
    vit=(
        dict(
            type='VisionTransformer',
            arch=dict(
                embed_dims=24, num_layers=6, num_heads=2, feedforward_channels=48
            ),
            img_size=64,
            patch_size=8,
            with_cls_token=False,
            out_type='avg_featmap',
        ),
        24,
        None,
        64,
    ),
    vit_map=(
        dict(
            type='VisionTransformer',
            arch=dict(
                embed_dims=24, num_layers=4, num_heads=2, feedforward_channels=48
            ),
            img_size=32,
            patch_size=8,
            with_cls_token=False,
            out_type='featmap',
            pre_norm=True,
        ),
        24,
        GAP,
        64,
    ),
    mobilenet_v2=(dict(type='MobileNetV2'), 1280, GAP, 64),
    mobilenet_v3=(dict(type='MobileNetV3', arch='small'), 576, GAP, 64),
    repvgg=(
        dict(
            type='RepVGG',
            arch=dict(
                num_blocks=[1, 1, 1, 1],
                width_factor=[0.25] * 4,
                group_layer_map=None,
                se_cfg=None,
            ),
        ),
        128,
        GAP,
        64,
    ),
    mobileone=(
        dict(
            type='MobileOne',
            arch=dict(
                num_blocks=[1, 1, 1, 1],
                width_factor=[0.25] * 4,
                num_conv_branches=[2] * 4,
                num_se_blocks=[0, 0, 0, 1],
            ),
        ),
        128,
        GAP,
        64,
    ),
    vgg=(dict(type='VGG', depth=11, norm_cfg=dict(type='BN')), 512, GAP, 64),
    cnn9=(dict(type='mmadf.CNN9'), 256, GAP, 32),
    timm_xception=(
        dict(type='TIMMBackbone', model_name='legacy_xception'),
        2048,
        GAP,
        64,
    ),
    timm_resnetv2=(
        dict(type='TIMMBackbone', model_name='resnetv2_50', layers=(1, 1, 1, 1)),
        2048,
        GAP,
        64,
    ),
    timm_efficientnet=(
        dict(type='TIMMBackbone', model_name='mnasnet_small'),
        1280,
        GAP,
        64,
    ),
    timm_features=(
        dict(
            type='TIMMBackbone',
            model_name='resnet18',
            features_only=True,
            out_indices=(2, 4),
        ),
        512,
        GAP,
        64,
    ),
    timm_mobilenetv3=(
        dict(
            type='TIMMBackbone', model_name='mobilenetv3_small_050', features_only=True
        ),
        288,
        GAP,
        64,
    ),
)

# Networks whose stages are named by the same code are checked together.
GROUPS = dict(
    resnet=('resnet', 'resnet_deep_stem'),
    resnext=('se_resnext', 'regnet'),
    densenet=('densenet',),
    inception=('inception_v3', 'inception_v3_map'),
    convnext=('convnext', 'convnext_map'),
    inverted_residuals=('efficientnet', 'mobilenet_v2', 'mobilenet_v3'),
    swin=('swin', 'swin_positions'),
    vit=('vit', 'vit_map'),
    reparameterised=('repvgg', 'mobileone'),
    plain=('vgg', 'cnn9'),
    timm=tuple(name for name in FAMILIES if name.startswith('timm')),
)
SLOW = ('resnext', 'inception', 'inverted_residuals', 'swin', 'plain', 'timm')
CLASSES = 5
# Batch norms after a concatenation or a pool, which cannot be folded.
UNFOLDED = dict(densenet=19)
LABELS = [0, 3, 1, 4]
# MMPretrain's defaults
CLASS_TOKEN = dict(with_cls_token=True, out_type='cls_token')


@pytest.fixture(autouse=True, scope='module')
def _scope():
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        yield


def parts(family):
    backbone, channels, neck, _ = FAMILIES[family]
    head = dict(type='LinearClsHead', num_classes=CLASSES, in_channels=channels)
    return dict(backbone=backbone, neck=neck, head=head)


def randomise_constants(model):
    """Randomise what is initially constant (norms, positions, gates)."""
    torch.manual_seed(0)
    for name, parameter in model.named_parameters():
        if parameter.ndim < 2 or 'pos' in name or 'gate' in name:
            parameter.data += 0.2 * torch.randn_like(parameter)
    for name, buffer in model.named_buffers():
        if name.endswith('running_var'):
            buffer.uniform_(0.5, 1.5)
        elif name.endswith('running_mean'):
            buffer.normal_(0, 0.1)
    return model


@pytest.fixture(
    scope='module',
    params=[
        pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else [])
        for name in GROUPS
    ],
)
def group(request):
    """Return the ADF classifiers of a group by name."""
    if request.param == 'timm':
        pytest.importorskip('timm')
    return {name: build(name) for name in GROUPS[request.param]}


def build(family):
    """Return an ADF classifier with fusion after the last two stages."""
    stages = len(stages_of(MODELS.build(FAMILIES[family][0])))
    mapper = [
        dict(type='Mapper', sources=(0,), target=stages - 2, resize=True),
        dict(type='Mapper', sources=(0, 1), resize=True),
    ]
    return randomise_constants(
        MODELS.build(dict(type='mmadf.ADFClassifier', mapper=mapper, **parts(family)))
    )


def copies(group, count=None):
    """Yield name and copy of the first networks of a group, all by default; images."""
    for name, network in islice(group.items(), count):
        side = FAMILIES[name][3]
        yield name, copy.deepcopy(network), torch.randn(4, 3, side, side)


def load(host, adf, branch=''):
    """Load the weights of one branch into MMPretrain's classifier."""
    for slot in ('backbone', 'head'):
        own = getattr(adf, branch + slot).state_dict()
        left_out = getattr(host, slot).load_state_dict(own, strict=False)
        assert left_out.unexpected_keys == []


def inception_logits(host, x):
    """Classify the feature map that InceptionV3 pools but does not return."""
    maps = []
    hook = host.backbone.avgpool.register_forward_pre_hook(
        lambda _, args: maps.append(args[0])
    )
    host.backbone(x)
    hook.remove()
    return host.head(host.neck((maps[0],)))


@torch.no_grad()
def test_each_branch_without_fusion_is_the_hosts_classifier(group):
    for name, adf, x in copies(group):
        with named(name):
            host = MODELS.build(dict(type='ImageClassifier', **parts(name))).eval()
            adf.eval()
            logits = inception_logits if name == 'inception_v3' else type(host).__call__
            load(host, adf, 'appearance_')
            expected = logits(host, x)
            assert_close(
                adf.logits_by_readout(x)['appearance'], expected, rtol=0, atol=0
            )
            adf.mappers.routes = [r._replace(target=-9) for r in adf.mappers.routes]
            load(host, adf)
            assert_close(adf(x), logits(host, x), rtol=0, atol=0)


@torch.no_grad()
def test_every_mapper_changes_the_result(group):
    for name, adf, x in copies(group, 1):
        adf.eval()
        fused, routes = adf(x), adf.mappers.routes
        for i, route in enumerate(routes):
            without = [*routes[:i], route._replace(target=-9), *routes[i + 1 :]]
            adf.mappers.routes = without
            with named(f'{name}, mapper {i}'):
                assert (adf(x) - fused).abs().max() > 1e-4 * fused.abs().max()


def test_every_parameter_gets_a_gradient(group):
    for name, adf, x in copies(group):
        adf.train()
        sum(adf.loss(x, samples(LABELS)).values()).backward()
        without = [n for n, p in adf.named_parameters() if p.grad is None]
        assert without == [], name


@torch.no_grad()
def test_deployed_prediction_is_the_same(group):
    for name, adf, x in copies(group):
        adf.eval()
        expected = adf(x)
        before = sum(p.numel() for p in adf.appearance_backbone.parameters())
        adf.switch_to_deploy(fold=False)
        with named(name):
            assert_close(adf(x), expected, rtol=0, atol=0)
            after = sum(p.numel() for p in adf.appearance_backbone.parameters())
            assert after < 0.7 * before


@torch.no_grad()
def test_folded_prediction_is_the_same(group):
    for name, adf, x in copies(group):
        adf.double().eval()
        x = x[:1].double()
        expected = adf(x)
        atol = 1e-9 * expected.abs().max().item()
        with named(name):
            adf.switch_to_deploy()
            assert_close(adf(x), expected, rtol=1e-9, atol=atol)
            kinds = Counter(type(m).__name__ for m in adf.modules())
            assert kinds['BatchNorm2d'] == UNFOLDED.get(name, 0)


def test_a_deployed_network_can_be_initialised_and_loaded_but_not_trained(group):
    for name, adf, x in copies(group, 1):
        with named(name):
            adf.switch_to_deploy()
            weights = copy.deepcopy(adf.state_dict())
            expected = adf(x)
            adf.init_weights()
            with pytest.raises(ValueError, match='deployed'):
                adf.loss(x, samples(LABELS))
            adf.load_state_dict(weights)
            assert_close(adf.eval()(x), expected, rtol=0, atol=0)


@torch.no_grad()
def test_shapes_are_those_of_a_real_pass(group):
    for name, adf, x in copies(group):
        adf.eval()
        branch = adf.appearance
        maps = branch.maps(x[:1])
        shapes = stage_shapes(adf.appearance_backbone, branch.stages, x.shape[-1])
        assert shapes[: len(maps)] == [m.shape for m in maps], name


def test_a_vit_whose_tokens_are_no_feature_map_is_refused():
    for tokens in (
        dict(),
        dict(out_type='avg_featmap'),
        dict(with_cls_token=False, out_type='raw'),
    ):
        backbone = MODELS.build({**FAMILIES['vit_map'][0], **CLASS_TOKEN, **tokens})
        message = r'with_cls_token=.*set with_cls_token=False'
        with named(tokens), pytest.raises(ValueError, match=message):
            stages_of(backbone)
