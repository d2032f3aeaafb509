"""Activation checkpointing of ADF is refused where it has no effect."""

import pytest
import torch
from mmengine.registry import DefaultScope
from mmengine.runner.activation_checkpointing import turn_on_activation_checkpointing

from mmadf.engine.checkpointing import check_activation_checkpointing
from mmadf.registry import MODELS
from tests.helpers import adf_cfg, backbone_cfg

SWIN = dict(
    type='SwinTransformer',
    arch=dict(embed_dims=12, depths=[1, 1, 1, 1], num_heads=[1, 1, 1, 1]),
    img_size=64,
    pad_small_map=True,
)
INSIDE = dict(
    type='ImageClassifier',
    backbone=dict(
        type='ADFBackbone',
        backbone=backbone_cfg(),
        mapper=dict(type='Mapper', sources=(0, 1)),
    ),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='LinearClsHead', num_classes=5, in_channels=64),
)
SWIN_HEAD = dict(type='LinearClsHead', num_classes=5, in_channels=96)


def build(cfg):
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return MODELS.build(cfg)


def saved_values(cfg, modules):
    """Return how many values a forward pass in training saves for the backward pass."""
    model, count = build(cfg).train(), [0]
    turn_on_activation_checkpointing(model, modules)

    def pack(x):
        count[0] += x.numel()
        return x

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        model(torch.randn(2, 3, 64, 64).requires_grad_())
    return count[0]


@pytest.mark.parametrize(
    ('cfg', 'name', 'instead'),
    [
        (adf_cfg(), 'backbone', 'backbone.layer4'),
        (adf_cfg(), 'appearance_backbone', 'appearance_backbone.layer4'),
        (adf_cfg(), 'mappers', 'mappers.0'),
        (
            adf_cfg(backbone=SWIN, head=SWIN_HEAD),
            'backbone.stages.1',
            'backbone.stages.1.downsample',
        ),
        (INSIDE, 'backbone.backbone', 'backbone.backbone.layer4'),
    ],
)
def test_a_module_is_refused_if_and_only_if_it_saves_nothing(cfg, name, instead):
    plain = saved_values(cfg, [])
    assert saved_values(cfg, [name]) == plain > saved_values(cfg, [instead])
    model = build(cfg)
    check_activation_checkpointing(model, instead)
    message = f"activation_checkpointing='{name}' has no effect.* '{instead}'"
    with pytest.raises(ValueError, match=message):
        check_activation_checkpointing(model, [instead, name])


@pytest.mark.parametrize('modules', [None, 'backbone', ['backbone', 'neck', 'head']])
def test_a_whole_adf_backbone_may_be_checkpointed(modules):
    check_activation_checkpointing(build(INSIDE), modules)
    assert saved_values(INSIDE, ['backbone']) < saved_values(INSIDE, [])
