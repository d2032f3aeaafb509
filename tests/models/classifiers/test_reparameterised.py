"""Weights of networks that MMPretrain's reparameterize_model.py has converted."""

import copy

import pytest
import torch
from mmengine.runner.checkpoint import load_state_dict
from torch.testing import assert_close

from mmadf.registry import MODELS
from tests.helpers import adf_cfg, randomise

ARCH = dict(
    num_blocks=[1, 1, 1, 1],
    width_factor=[0.25] * 4,
    group_layer_map=None,
    se_cfg=None,
)


def build(**changes):
    backbone = dict(type='RepVGG', arch=ARCH, **changes)
    head = dict(type='LinearClsHead', num_classes=5, in_channels=128)
    cfg = adf_cfg(backbone=backbone, head=head)
    return randomise(MODELS.build(cfg), std=0.2).eval()


@pytest.fixture(scope='module')
def adf():
    return build()


@pytest.mark.parametrize('deploy', [True, False])
def test_a_checkpoint_with_one_merged_branch_is_refused(adf, deploy):
    half = copy.deepcopy(adf)
    half.backbone.switch_to_deploy()
    slot = 'appearance_backbone' if deploy else 'backbone'
    message = rf'blocks of {slot} .*model_converters/deploy\.py'
    with pytest.raises(ValueError, match=message):
        load_state_dict(build(deploy=deploy), half.state_dict(), strict=False)


@torch.no_grad()
def test_a_checkpoint_with_both_branches_merged_loads(adf):
    both = copy.deepcopy(adf)
    both.backbone.switch_to_deploy()
    both.appearance_backbone.switch_to_deploy()
    merged = build(deploy=True)
    merged.load_state_dict(both.state_dict())
    x = torch.randn(1, 3, 32, 32)
    assert_close(merged(x), both(x), rtol=0, atol=0)


def test_weights_of_one_backbone_are_left_to_the_caller(adf):
    weights = {n: w for n, w in adf.state_dict().items() if n.startswith('backbone.')}
    load_state_dict(build(), weights, strict=False)
