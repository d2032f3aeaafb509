import pytest
import torch
from mmpretrain.models import InceptionV3
from mmpretrain.registry import MODELS
from torch.testing import assert_close

from mmadf.models import InceptionV3Map
from mmadf.models.stages import map_shapes
from tests.helpers import randomise


@pytest.mark.parametrize('aux_logits', [False, True])
def test_pooled_and_classified_the_map_gives_the_hosts_output(aux_logits):
    host = InceptionV3(num_classes=7, aux_logits=aux_logits).double()
    randomise(host, std=0.05).eval()
    backbone = MODELS.build(dict(type='InceptionV3Map')).double()
    loaded = backbone.load_state_dict(host.state_dict(), strict=False)
    assert not loaded.missing_keys
    dropped = {name.split('.')[0] for name in loaded.unexpected_keys}
    assert dropped == ({'fc', 'AuxLogits'} if aux_logits else {'fc'})
    backbone.eval()
    x = torch.randn(2, 3, 139, 107, dtype=torch.float64)
    (x_map,) = backbone(x)
    assert x_map.shape[2:] == (3, 2)
    _, expected = host(x)
    assert expected.std() > 1e-3
    assert_close(host.fc(x_map.mean((2, 3))), expected)


@pytest.mark.parametrize(('image', 'positions'), [(224, 5), (299, 8), (512, 14)])
def test_documented_map_sizes(image, positions):
    assert map_shapes(InceptionV3Map(), image) == [(1, 2048, positions, positions)]


def test_the_whole_map_gets_gradients():
    backbone = InceptionV3Map()
    backbone(torch.randn(2, 3, 75, 75))[0].square().sum().backward()
    assert all(p.grad is not None for p in backbone.parameters())


def test_initialisation_can_be_chosen():
    zeros = dict(type='Constant', layer='Conv2d', val=0.25)
    backbone = InceptionV3Map(init_cfg=zeros)
    backbone.init_weights()
    assert (backbone.Mixed_7c.branch1x1.conv.weight == 0.25).all()
    backbone = InceptionV3Map()
    backbone.init_weights()
    std = backbone.Mixed_7c.branch1x1.conv.weight.std().item()
    assert std == pytest.approx(0.1, rel=0.02)  # MMPretrain's
