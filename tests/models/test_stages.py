import pytest
import torch
from mmpretrain.models import DenseNet, ResNet, ResNeXt, TIMMBackbone
from torch import nn
from torch.testing import assert_close

from mmadf.models.stages import (
    Stages,
    family,
    map_shapes,
    stage_shapes,
    stages_of,
)
from mmadf.models.stages.stages import FAMILIES
from mmadf.models.surgery import trim

# The stages of every family are compared with the host's in test_families.py.


@pytest.mark.parametrize(
    ('backbone', 'asked'),
    [
        (ResNet(18), [3]),
        (ResNet(18, out_indices=(3, 1)), [1, 3]),
        (DenseNet(dict(growth_rate=4, depths=[1] * 4, init_channels=8)), [3]),
        (
            DenseNet(
                dict(growth_rate=4, depths=[1] * 4, init_channels=8),
                out_indices=[-1, 0],
            ),
            [0, 3],
        ),
    ],
)
def test_asked_stages_are_counted_from_0_and_ascend(backbone, asked):
    assert stages_of(backbone).asked(backbone) == asked


@pytest.mark.parametrize('outside', [(4,), (0, -5), ()])
def test_stages_that_are_not_there_are_named(outside):
    backbone = ResNet(18)
    backbone.out_indices = outside
    with pytest.raises(ValueError, match=r'ResNet: out_indices=.* from 0 to 3\.'):
        stages_of(backbone).asked(backbone)


@pytest.mark.parametrize(
    ('out_indices', 'asked'), [((-2, -1), [3, 4]), ((-4, 2), [1, 2])]
)
def test_negative_taps_of_timm_count_from_the_last_one_it_has(out_indices, asked):
    timm = pytest.importorskip('timm')
    backbone = TIMMBackbone('resnet18', features_only=True, out_indices=out_indices)
    assert stages_of(backbone).asked(backbone) == asked
    plain = timm.create_model('resnet18', features_only=True, out_indices=asked)
    assert backbone.timm_model.feature_info.channels() == plain.feature_info.channels()


class Inherits(ResNeXt):
    """Has the forward pass of ResNet."""


class Overrides(ResNet):
    """Has a forward pass of its own."""

    def forward(self, x):
        return super().forward(-x)


def test_a_class_belongs_to_the_family_of_its_forward_pass():
    assert stages_of(Inherits(50)).names == stages_of(ResNeXt(50)).names
    with pytest.raises(ValueError, match='no stages are known of backbone .*Overrides'):
        stages_of(Overrides(18))


class Two(nn.Module):
    """Two stages, the second of which has a norm that only its output needs."""

    def __init__(self):
        super().__init__()
        self.one = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.two = nn.ModuleDict(dict(a=nn.Conv2d(4, 4, 1), b=nn.Conv2d(4, 5, 2)))
        self.norm = nn.BatchNorm2d(5)

    def forward(self, x):
        return (self.norm(self.two.b(self.two.a(self.one(x)))),)


@pytest.fixture
def own_family():
    known = dict(FAMILIES)

    class TwoStages(Stages):
        def output_names(self, stage):
            return ('norm',) if stage == 1 else ()

    family(Two)(lambda backbone: TwoStages([('one',), ('two.a', 'two.b')]))
    yield
    FAMILIES.clear()
    FAMILIES.update(known)


def test_a_family_of_ones_own(own_family):
    backbone = Two()
    stages = stages_of(backbone)
    assert (len(stages), stages.asked(backbone)) == (2, [1])
    assert stage_shapes(backbone, stages, 9) == [(1, 4, 5, 5), (1, 5, 4, 4)]


def test_fused_maps_are_what_later_stages_and_the_caller_see(own_family):
    backbone, x = Two(), torch.randn(1, 3, 8, 8)
    maps = stages_of(backbone).maps(backbone, x, 1, lambda i, y: y * (2 + i))
    first = 2 * backbone.one(x)
    assert_close(maps, [first, 3 * backbone.two.b(backbone.two.a(first))])


@pytest.mark.parametrize(
    ('last', 'outputs', 'left'),
    [(0, (), ['one']), (1, (), ['one', 'two.a', 'two.b']), (0, (1,), ['one', 'norm'])],
)
def test_trim_leaves_the_modules_that_are_used(own_family, last, outputs, left):
    backbone = Two()
    trim(backbone, stages_of(backbone).used(last, outputs))
    owners = {name.rpartition('.')[0] for name, _ in backbone.named_parameters()}
    assert owners == set(left)


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
        return x * x.sum().item()


def test_backbone_that_needs_values_is_named():
    with pytest.raises(ValueError, match='shapes of Sequential cannot be inferred'):
        stage_shapes(nn.Sequential(Stubborn()), Stages([('0',)]))


class Pair(nn.Module):
    def forward(self, x):
        return [x, x]


def test_stage_that_gives_no_map_is_named():
    with pytest.raises(ValueError, match="of Sequential cannot be inferred .*'list'"):
        stage_shapes(nn.Sequential(Pair()), Stages([('0',)]))


def test_maps_that_do_not_fit_are_one_error_and_no_log(caplog):
    layers = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    with pytest.raises(ValueError, match='of Sequential cannot be inferred'):
        stage_shapes(layers, Stages([('0', '1')]))
    assert caplog.records == []
