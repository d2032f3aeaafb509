"""Decoupled convolutions inside other libraries and runtimes."""

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import DefaultScope
from mmengine.structures import PixelData
from torch.testing import assert_close

from mmadf.models import DecoupledConv2d, DecoupledLinear
from mmadf.models.surgery import decouple
from tests.helpers import randomise

CONV = dict(type='DecoupledConv2d', magnitude='segmented', angle='square_cosine')
BACKBONES = dict(
    resnet=dict(type='ResNet', depth=18, zero_init_residual=False),
    resnext=dict(type='ResNeXt', depth=50, groups=32, width_per_group=4),
    vgg=dict(type='VGG', depth=11, norm_cfg=dict(type='BN')),
)


@pytest.mark.parametrize('family', BACKBONES)
def test_conv_cfg_works_in_the_backbones_of_mmpretrain(family):
    from mmpretrain.registry import MODELS

    cfg = dict(BACKBONES[family], conv_cfg=CONV)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS.build(cfg)
    layers = [m for m in model.modules() if isinstance(m, DecoupledConv2d)]
    assert len(layers) >= 8
    model(torch.randn(2, 3, 64, 64))[-1].square().mean().backward()
    assert all(layer.operator.radius.grad.abs().sum() > 0 for layer in layers)


@pytest.mark.slow
@pytest.mark.parametrize('name', ['DecoupledConv2d', 'mmadf.DecoupledConv2d'])
def test_conv_cfg_works_in_a_config_of_mmsegmentation(name):
    pytest.importorskip('mmseg')
    from mmseg.registry import MODELS
    from mmseg.structures import SegDataSample
    from mmseg.utils import register_all_modules

    register_all_modules(init_default_scope=False)
    with DefaultScope.overwrite_default_scope('mmseg'):
        model = MODELS.build(ConfigDict(_fcn(dict(CONV, type=name))))
    layers = [m for m in model.modules() if isinstance(m, DecoupledConv2d)]
    in_backbone = [
        m for m in model.backbone.modules() if isinstance(m, DecoupledConv2d)
    ]
    assert len(layers) > len(in_backbone) > 20
    sample = SegDataSample(metainfo=dict(img_shape=(64, 64), ori_shape=(64, 64)))
    sample.gt_sem_seg = PixelData(data=torch.randint(0, 4, (1, 64, 64)))
    losses = model.loss(torch.randn(2, 3, 64, 64), [sample, sample])
    sum(v for k, v in losses.items() if 'loss' in k).backward()
    assert all(layer.operator.radius.grad.abs().sum() > 0 for layer in layers)
    model.eval()
    (first, _) = model.predict(torch.randn(2, 3, 64, 64), [sample, sample])
    assert first.pred_sem_seg.data.shape == (1, 64, 64)


@torch.no_grad()
def test_features_of_torchvision_need_the_layer_as_a_leaf():
    models = pytest.importorskip('torchvision.models')
    from torchvision.models.feature_extraction import create_feature_extractor

    network = randomise(models.resnet18(), std=0.1).eval()
    decouple(network)
    with pytest.raises(torch.fx.proxy.TraceError):
        create_feature_extractor(network, ['layer2'])
    leaves = dict(leaf_modules=[DecoupledConv2d])
    extractor = create_feature_extractor(network, ['layer2'], tracer_kwargs=leaves)
    x = torch.randn(2, 3, 32, 32)
    maps = network.maxpool(network.relu(network.bn1(network.conv1(x))))
    expected = network.layer2(network.layer1(maps))
    assert_close(extractor(x)['layer2'], expected, rtol=0, atol=0)


def test_mmsegmentation_dilates_layers_that_it_has_built():
    backbones = pytest.importorskip('mmseg.models.backbones')
    by_config = backbones.MobileNetV3(arch='small', conv_cfg=CONV)
    swapped = backbones.MobileNetV3(arch='small')
    operator = {name: value for name, value in CONV.items() if name != 'type'}
    decouple(swapped, exclude=['*.se.*'], **operator)
    swapped.load_state_dict(by_config.state_dict())
    dilated = [
        m
        for m in by_config.modules()
        if isinstance(m, DecoupledConv2d) and m.dilation != (1, 1)
    ]
    assert dilated
    for model in (by_config, swapped):  # its train() returns None
        model.train(False)
    x = torch.randn(1, 3, 64, 64)
    assert_close(by_config(x), swapped(x))


def _fcn(conv_cfg):
    norm_cfg = dict(type='BN')
    return dict(
        type='EncoderDecoder',
        backbone=dict(
            type='ResNetV1c',
            depth=18,
            strides=(1, 2, 1, 1),
            dilations=(1, 1, 2, 4),
            contract_dilation=True,
            conv_cfg=conv_cfg,
            norm_cfg=norm_cfg,
        ),
        decode_head=dict(
            type='FCNHead',
            in_channels=512,
            in_index=3,
            channels=16,
            num_classes=4,
            conv_cfg=conv_cfg,
            norm_cfg=norm_cfg,
            loss_decode=dict(type='CrossEntropyLoss'),
        ),
        train_cfg=dict(),
        test_cfg=dict(mode='whole'),
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ('magnitude', 'angle'),
    [
        ('tanh', 'cosine'),
        ('segmented', 'square_cosine'),
        ('ball', 'linear'),
        ('weighted_tanh_product', 'learnable_sigmoid'),
    ],
)
def test_onnx_runtime_gives_the_same(magnitude, angle, tmp_path):
    pytest.importorskip('onnxscript')
    runtime = pytest.importorskip('onnxruntime')
    layer = torch.nn.Sequential(
        DecoupledConv2d(
            4, 6, 3, stride=2, padding=1, groups=2, magnitude=magnitude, angle=angle
        ),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
        DecoupledLinear(6, 3, magnitude=magnitude, angle=angle),
    )
    layer = randomise(layer).eval()
    x = torch.randn(2, 4, 9, 9)
    path = str(tmp_path / 'layer.onnx')
    batch = torch.export.Dim('batch', min=1, max=64)
    torch.onnx.export(
        *(layer, (x,), path), dynamo=True, dynamic_shapes=({0: batch},), verbose=False
    )
    session = runtime.InferenceSession(path, providers=['CPUExecutionProvider'])
    (name,) = [i.name for i in session.get_inputs()]
    more = torch.randn(5, 4, 9, 9)
    (found,) = session.run(None, {name: more.numpy()})
    assert_close(torch.from_numpy(found), layer(more), rtol=1e-4, atol=1e-5)
