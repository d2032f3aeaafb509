"""MMPretrain's hooks and wrappers, which know one head, with an ADF classifier."""

import logging
from types import SimpleNamespace

import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmpretrain.engine import SetAdaptiveMarginsHook, SwitchRecipeHook
from mmpretrain.engine.hooks.precise_bn_hook import update_bn_stats
from mmpretrain.models.peft import LoRAModel
from torch import nn
from torch.testing import assert_close
from torch.utils.data import DataLoader

from mmadf.engine.hooks import SetBothMarginsHook
from tests.helpers import adf_cfg, named, randomise, samples
from tests.models.classifiers.helpers import LABELS, build, images

ARCFACE = dict(type='ArcFaceClsHead', num_classes=5, in_channels=64)


def switch_loss(adf, **loss):
    hook = SwitchRecipeHook([dict(action_epoch=1, loss=loss)])
    runner = SimpleNamespace(epoch=0, model=adf, logger=logging.getLogger('test'))
    hook.before_train_epoch(runner)


def test_switching_the_recipe_switches_the_loss_of_both_heads():
    adf, x = build().eval(), images()
    before = adf.loss(x, samples(LABELS))
    switch_loss(adf, type='CrossEntropyLoss', loss_weight=3.0)
    after = adf.loss(x, samples(LABELS))
    for name in ('semantic_loss', 'appearance_loss'):
        assert_close(after[name], 3 * before[name])
    assert 'loss_module' not in dict(adf.named_children())


def test_a_loss_is_not_switched_in_one_of_two_heads():
    adf = build()
    before = adf.head.loss_module
    del adf.appearance_head.loss_module
    with pytest.raises(ValueError, match='LinearClsHead cannot be replaced'):
        switch_loss(adf, type='CrossEntropyLoss', loss_weight=3.0)
    assert adf.head.loss_module is before


def test_precise_statistics_reach_the_norms_of_both_branches():
    for readout in ['semantic', 'appearance', 'sum']:
        with named(readout):
            adf = build(readout=readout).train()
            norms = [m for m in adf.modules() if isinstance(m, nn.BatchNorm2d)]
            for norm in norms:
                norm.running_mean.fill_(99)
            data = zip(images(), samples(LABELS), strict=True)
            data = [dict(inputs=x, data_samples=sample) for x, sample in data]
            update_bn_stats(adf, DataLoader(data, 2, collate_fn=pseudo_collate))
            assert norms and all((norm.running_mean < 50).all() for norm in norms)


def set_margins(hook, adf):
    data = SimpleNamespace(get_gt_labels=lambda: [0] * 9 + [1] * 4 + [2, 3, 4])
    loader = SimpleNamespace(dataset=data)
    hook.before_train(SimpleNamespace(model=adf, train_dataloader=loader))


def test_adaptive_margins_of_one_head_are_refused():
    adf = build(head=ARCFACE)
    adf.loss(images(), samples(LABELS))
    set_margins(SetAdaptiveMarginsHook(), adf)
    with pytest.raises(ValueError, match=r"use dict\(type='mmadf.SetBothMarginsHook'"):
        adf.loss(images(), samples(LABELS))


def test_adaptive_margins_reach_both_heads():
    adf = build(head=ARCFACE)
    set_margins(SetBothMarginsHook(margin_max=0.6), adf)
    assert_close(adf.head.margins.max().item(), 0.6)
    for name in ('margins', 'sinm_m', 'threshold'):
        assert_close(getattr(adf.appearance_head, name), getattr(adf.head, name))
    adf.loss(images(), samples(LABELS))


def test_adaptive_margins_need_two_heads_with_margins():
    adf = build(head=ARCFACE, appearance=dict(head=adf_cfg()['head']))
    with pytest.raises(ValueError, match='appearance_head=LinearClsHead must be an A'):
        set_margins(SetBothMarginsHook(), adf)


def test_lora_does_not_freeze_mappers_that_add_nothing():
    model = LoRAModel(adf_cfg(), rank=2, targets=[dict(type='head.fc')])
    with pytest.raises(ValueError, match='LoRAModel has frozen the mappers at their'):
        model.loss(images(), samples(LABELS))
    randomise(model.module.mappers)
    assert 'semantic_loss' in model.loss(images(), samples(LABELS))


def test_mappers_may_be_frozen_at_zero_for_a_while():
    adf = build()
    adf.mappers.requires_grad_(False)
    assert 'semantic_loss' in adf.loss(images(), samples(LABELS))


# Layers of the config in tests.helpers that vis_cam.py could be given
IDLE = dict(
    semantic=['appearance_backbone.layer3', 'appearance_head.fc', 'backbone'],
    appearance=['backbone.layer4', 'neck', 'mappers'],
)
RUNNING = dict(
    semantic=['backbone.layer4.1.bn2', 'appearance_backbone.layer2', 'mappers.0'],
    appearance=['appearance_backbone.layer4', 'appearance_neck'],
    sum=['backbone.layer4', 'appearance_backbone.layer4'],
)


def cases(layers):
    return [(readout, name) for readout, names in layers.items() for name in names]


def test_a_layer_that_does_not_run_is_not_explained():
    for readout, layer in cases(IDLE):
        with named(f'{readout}: {layer}'):
            adf = build(readout=readout).eval()
            adf.get_submodule(layer).register_forward_hook(lambda *_: None)
            with pytest.raises(
                ValueError, match=f'{layer} has a forward hook.*; choose one of'
            ):
                adf(images())
            with torch.no_grad():
                adf(images())


def test_a_layer_that_runs_is_explained():
    calls = []
    for readout, layer in cases(RUNNING):
        with named(f'{readout}: {layer}'):
            adf = build(readout=readout).eval()
            calls.clear()
            adf.get_submodule(layer).register_forward_hook(lambda *_: calls.append(1))
            adf(images())
            assert calls == [1]


def test_hooks_on_all_modules_are_accepted():
    adf = build().eval()
    for module in adf.modules():
        module.register_forward_hook(lambda *_: None)
    adf(images())
