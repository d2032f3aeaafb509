import pytest
import torch
from mmpretrain.models import ResNet
from torch import nn

from mmadf.models.utils import asked_stages, map_shapes


@pytest.mark.parametrize(
    ('cfg', 'stages'),
    [
        (dict(type='ResNet', depth=18), [3]),
        (dict(type='ResNeXt', depth=50), [3]),  # the default of its base class
        (dict(type='ResNet', depth=18, out_indices=(1, 3)), [1, 3]),
        (dict(type='DenseNet'), [-1]),
        (dict(type=ResNet, depth=18), [3]),
        (dict(type='Wrapper', backbone=dict(type='ResNet', depth=18)), [3]),
        (
            dict(type='Wrapper', backbone=dict(type='ResNet', out_indices=(0, 2))),
            [0, 2],
        ),
        (dict(type='Wrapper', backbone=dict(type='ResNet'), out_indices=(1,)), [1]),
    ],
)
def test_asked_stages(cfg, stages):
    assert asked_stages(cfg) == stages


def test_map_shapes_are_those_of_a_real_pass():
    backbone = ResNet(18, out_indices=(0, 2))
    real = [x.shape for x in backbone(torch.randn(1, 3, 96, 96))]
    assert map_shapes(backbone, image_size=96) == real


def test_map_shapes_of_layers_that_switch_autocast_off():
    backbone = ResNet(18, conv_cfg=dict(type='mmadf.DecoupledConv2d'))
    assert map_shapes(backbone) == [(1, 512, 7, 7)]


def test_map_shapes_touch_no_statistics():
    backbone = ResNet(18)
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    map_shapes(backbone)
    for name, value in backbone.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert backbone.training


class Constant(nn.Module):
    """Keeps a tensor that is neither parameter nor buffer."""

    def __init__(self):
        super().__init__()
        self.scale = torch.full((1, 3, 1, 1), 2.0)

    def forward(self, x):
        return [x[:, :, ::4, ::4] * self.scale]


def test_map_shapes_of_a_backbone_with_a_plain_tensor():
    assert map_shapes(Constant(), image_size=8) == [(1, 3, 2, 2)]


class Stubborn(nn.Module):
    def forward(self, x):
        return [x * x.sum().item()]


def test_backbone_that_needs_values_is_named():
    with pytest.raises(ValueError, match='shapes of Stubborn cannot be inferred'):
        map_shapes(Stubborn())


def test_stages_that_do_not_come_back_are_named():
    backbone = ResNet(18, out_indices=[3, 3])
    with pytest.raises(ValueError, match=r'returns 1 maps for out_indices=\[3, 3\]'):
        map_shapes(backbone)
