"""Stages and their shapes; every family is compared with its host in test_families."""

import re

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
from tests.helpers import named

SMALL = dict(depth=18, stem_channels=8, base_channels=8)
DENSE = dict(arch=dict(growth_rate=4, depths=[1] * 4, init_channels=8))


def test_out_stages_count_from_0_and_ascend():
    for cls, cfg, expected in [
        (ResNet, dict(SMALL, out_indices=(3, 1)), [1, 3]),
        (DenseNet, DENSE, [3]),
        (DenseNet, dict(DENSE, out_indices=[-1, 0]), [0, 3]),
    ]:
        with named((cls, cfg)):
            backbone = cls(**cfg)
            assert stages_of(backbone).out_stages(backbone) == expected


def test_out_indices_that_are_not_stages_are_refused():
    for outside in [(4,), (0, -5), ()]:
        with named(outside):
            backbone = ResNet(**SMALL)
            backbone.out_indices = outside
            message = rf'ResNet: out_indices={re.escape(str(outside))} .*0 to 3\.$'
            with pytest.raises(ValueError, match=message):
                stages_of(backbone).out_stages(backbone)


def test_the_error_names_the_built_in_classifier():
    stages = Stages([('0',)], 'classifier (set num_classes=-1)')
    with pytest.raises(ValueError, match=r'\(1,\) .*0 to 0\..*num_classes=-1'):
        stages.resolve_indices((1,), 1, nn.Sequential())


def test_negative_out_indices_of_timm_count_from_its_last_feature():
    for out_indices, expected in [((-2, -1), [3, 4]), ((-4, 2), [1, 2])]:
        with named(out_indices):
            timm = pytest.importorskip('timm')
            backbone = TIMMBackbone(
                'resnet18', features_only=True, out_indices=out_indices
            )
            assert stages_of(backbone).out_stages(backbone) == expected
            plain = timm.create_model(
                'resnet18', features_only=True, out_indices=expected
            )
            assert (
                backbone.timm_model.feature_info.channels()
                == plain.feature_info.channels()
            )


class Inherits(ResNeXt):
    """Inherits the forward pass of ResNet."""


class Overrides(ResNet):
    """Defines its own forward pass."""

    def forward(self, x):
        return super().forward(-x)


def test_a_class_belongs_to_the_family_of_its_forward_pass():
    assert stages_of(Inherits(50)).names == stages_of(ResNeXt(50)).names
    with pytest.raises(ValueError, match=r'Overrides .*ResNet.*stages\.family'):
        stages_of(Overrides(**SMALL))


class Two(nn.Module):
    """Two stages, the second of which has a norm for its output."""

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


def test_unknown_backbone_names_each_known_one_once(own_family):
    with pytest.raises(ValueError, match='ReLU has no registered stages') as found:
        stages_of(torch.nn.ReLU())
    named = str(found.value).partition('use one of ')[2].split(', ')
    assert {'ResNet', 'Two'} < set(named) and len(set(named)) == len(named)


def test_own_families_can_be_registered(own_family):
    backbone = Two()
    stages = stages_of(backbone)
    assert (len(stages), stages.out_stages(backbone)) == (2, [1])
    assert stage_shapes(backbone, stages, 9) == [(1, 4, 5, 5), (1, 5, 4, 4)]


def test_a_stage_of_a_module_that_does_not_exist_is_named(own_family):
    stages = Stages([('one',), ('two.a', 'two.c')])
    message = r"stage 1 of Two names 'two.c', .*it has \['one', 'two', 'norm'\]"
    with pytest.raises(ValueError, match=message):
        stages.check_names(Two())
    stages_of(Two()).check_names(Two())


def test_a_stage_without_its_comma_is_refused():
    with pytest.raises(TypeError, match=r"stage 'one' must be a list .*\['one'\]"):
        Stages([('one'), ('two.a', 'two.b')])


def test_later_stages_and_the_caller_get_the_fused_feature_map(own_family):
    backbone, x = Two(), torch.randn(1, 3, 8, 8)
    maps = stages_of(backbone).maps(backbone, x, 1, lambda i, y: y * (2 + i))
    first = 2 * backbone.one(x)
    assert_close(maps, [first, 3 * backbone.two.b(backbone.two.a(first))])


def test_trim_keeps_the_modules_that_are_used(own_family):
    for last, outputs, left in [
        (0, (), ['one']),
        (1, (), ['one', 'two.a', 'two.b']),
        (0, (1,), ['one', 'norm']),
    ]:
        with named((last, outputs)):
            backbone = Two()
            trim(backbone, stages_of(backbone).used(last, outputs))
            owners = {
                name.rpartition('.')[0] for name, _ in backbone.named_parameters()
            }
            assert owners == set(left)


def test_map_shapes_are_those_of_a_real_pass():
    backbone = ResNet(**SMALL, out_indices=(0, 2))
    real = [x.shape for x in backbone(torch.randn(1, 3, 96, 96))]
    assert map_shapes(backbone, image_size=96) == real


def test_map_shapes_of_layers_that_disable_autocast():
    backbone = ResNet(**SMALL, conv_cfg=dict(type='mmadf.DecoupledConv2d'))
    assert map_shapes(backbone) == [(1, 64, 7, 7)]


def test_map_shapes_change_no_statistics():
    backbone = ResNet(**SMALL)
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    map_shapes(backbone)
    for name, value in backbone.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert backbone.training


class Constant(nn.Module):
    """Has a tensor that is neither parameter nor buffer."""

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


def test_a_backbone_that_needs_values_is_refused():
    with pytest.raises(ValueError, match='shapes of Sequential cannot'):
        stage_shapes(nn.Sequential(Stubborn()), Stages([('0',)]))


class Pair(nn.Module):
    def forward(self, x):
        return [x, x]


def test_a_stage_that_returns_no_feature_map_is_refused():
    with pytest.raises(ValueError, match="of Sequential cannot .*'list'"):
        stage_shapes(nn.Sequential(Pair()), Stages([('0',)]))


def test_shapes_that_do_not_fit_are_one_error_without_log(caplog):
    layers = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    with pytest.raises(ValueError, match='of Sequential cannot'):
        stage_shapes(layers, Stages([('0', '1')]))
    assert caplog.records == []
