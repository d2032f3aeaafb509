"""Inception V3 without its classifier, against MMPretrain's."""

import copy

import pytest
import torch
from mmpretrain.models import InceptionV3
from mmpretrain.registry import MODELS
from torch.testing import assert_close

from mmadf.models import InceptionV3Map
from mmadf.models.stages import map_shapes
from tests.helpers import named, randomise


@pytest.fixture(scope='module')
def inception():
    return InceptionV3Map()


@pytest.mark.slow
def test_pooled_and_classified_it_gives_the_output_of_mmpretrain(inception):
    host = InceptionV3(num_classes=7, aux_logits=True).double()
    randomise(host, std=0.05).eval()
    backbone = copy.deepcopy(inception).double()
    loaded = backbone.load_state_dict(host.state_dict(), strict=False)
    assert not loaded.missing_keys
    dropped = {name.split('.')[0] for name in loaded.unexpected_keys}
    assert dropped == {'fc', 'AuxLogits'}
    backbone.eval()
    x = torch.randn(2, 3, 139, 107, dtype=torch.float64)
    (x_map,) = backbone(x)
    assert x_map.shape[2:] == (3, 2)
    _, expected = host(x)
    assert expected.std() > 1e-3
    assert_close(host.fc(x_map.mean((2, 3))), expected)


def test_documented_feature_map_sizes(inception):
    for image, size in [(224, 5), (512, 14)]:
        with named(image):
            assert map_shapes(inception, image) == [(1, 2048, size, size)]


def test_every_parameter_gets_a_gradient(inception):
    backbone = copy.deepcopy(inception)
    backbone(torch.randn(2, 3, 75, 75))[0].square().sum().backward()
    assert all(p.grad is not None for p in backbone.parameters())


def test_initialisation_can_be_chosen():
    constant = dict(type='Constant', layer='Conv2d', val=0.25)
    backbone = MODELS.build(dict(type='InceptionV3Map', init_cfg=constant))
    backbone.init_weights()
    assert (backbone.Mixed_7c.branch1x1.conv.weight == 0.25).all()
    backbone = InceptionV3Map()
    backbone.init_weights()
    std = backbone.Mixed_7c.branch1x1.conv.weight.std().item()
    assert std == pytest.approx(0.1, rel=0.02)  # MMPretrain's
