"""All three ideas in one network."""

import pytest
import torch
from mmengine.registry import DefaultScope
from torch.testing import assert_close

from mmadf.models.layers import DecoupledConv2d
from mmadf.registry import MODELS
from tests.helpers import CHANNELS, adf_cfg, backbone_cfg, samples


@pytest.fixture
def network():
    segmented = dict(type='mmadf.DecoupledConv2d', magnitude='segmented')
    head = dict(type='mmadf.WiseSrNetHead', num_classes=4, in_channels=CHANNELS[-1])
    cfg = adf_cfg(
        backbone=backbone_cfg(conv_cfg=segmented),
        neck=None,
        head=dict(**head, map_size=4, pool_size=None),
        distill_weight=1.0,
    )
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS.build(cfg)
        model.init_weights()
    return model


def test_they_learn_together_and_are_deployed_together(network):
    images = torch.randn(16, 3, 32, 32)
    labels = torch.arange(16) % 4
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    losses = []
    for _ in range(15):
        parts = network.loss(images, samples(labels))
        loss = sum(value for name, value in parts.items() if 'loss' in name)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 4

    # Each idea took part in the training.
    network.double().eval()
    layers = [m for m in network.modules() if isinstance(m, DecoupledConv2d)]
    assert len(layers) > 30
    assert all(layer.operator.radius.grad.abs().max() > 0 for layer in layers)
    for head in (network.head, network.appearance_head):
        kernel = head.pooling.spatial.weight
        assert kernel.min() >= 0 and kernel.std() > 0
    images = images.double()
    with torch.no_grad():
        plain, fused = network.semantic.maps(images)[-1], network.fused_maps(images)[-1]
        assert (plain - fused).abs().max() > 1e-3
        before = network(images)
        network.switch_to_deploy()
        assert network.appearance_head is None
        assert_close(network(images), before, rtol=1e-9, atol=1e-9)
