"""Which feature maps mappers connect, and what is inferred for them."""

from itertools import chain, product

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from mmadf.models.classifiers import wiring
from mmadf.models.classifiers.routes import Route
from mmadf.models.classifiers.wiring import complete
from mmadf.models.stages import Stages, stage_shapes
from mmadf.models.stages.stages import FAMILIES
from mmadf.registry import MODELS
from tests.helpers import CHANNELS, backbone_cfg, randomise, without_memory
from tests.models.classifiers.helpers import build, images, step


@pytest.mark.parametrize(
    'sources, strides', [((0, 1), (8, 4)), ((1, 0), (4, 8)), ((2, 0), (2, 8))]
)
def test_channels_and_strides_are_inferred_in_the_order_of_sources(sources, strides):
    mapper = build(mapper=dict(type='Mapper', sources=sources)).mappers[0]
    assert mapper.out_channels == CHANNELS[-1]
    assert list(mapper.in_channels) == [CHANNELS[source] for source in sources]
    assert mapper.strides == strides


# Swin and EfficientNet round up, as mappers do; ConvNeXt and DenseNet round down.
BACKBONES = dict(
    swin=(
        dict(
            type='SwinTransformer',
            arch=dict(embed_dims=24, depths=[1, 1, 1, 1], num_heads=[1, 2, 2, 4]),
            pad_small_map=True,
        ),
        192,
        False,
    ),
    convnext=(
        dict(
            type='ConvNeXt',
            arch=dict(depths=[1, 1, 1, 1], channels=[8, 16, 32, 64]),
            gap_before_final_norm=False,
        ),
        64,
        True,
    ),
    densenet=(
        dict(
            type='DenseNet',
            arch=dict(growth_rate=8, depths=[1, 1, 1, 1], init_channels=16),
        ),
        17,
        True,
    ),
)


@torch.no_grad()
@pytest.mark.parametrize(
    'name', [pytest.param('swin', marks=pytest.mark.slow), 'convnext', 'densenet']
)
def test_resizing_is_inferred_where_some_image_size_needs_it(name):
    backbone, channels, resize = BACKBONES[name]
    head = dict(type='LinearClsHead', num_classes=5, in_channels=channels)
    mapper = dict(type='Mapper', sources=(0, 1), target=-2)
    adf = build(backbone=backbone, head=head, mapper=mapper).eval()
    assert adf.mappers[0].resize == resize
    for height, width in ((64, 64), (100, 150), (75, 97), (90, 225)):
        assert adf(torch.randn(1, 3, height, width)).shape == (1, 5)


def test_a_size_on_which_a_backbone_does_not_run_is_left_out(monkeypatch):
    def _only_224(backbone, stages, size=224):
        if size != 224:
            raise ValueError('cannot be inferred')
        return stage_shapes(backbone, stages, size)

    monkeypatch.setattr(wiring, 'stage_shapes', _only_224)
    mapper = build().mappers[0]
    assert (mapper.strides, mapper.resize) == ((8, 4), False)


def halvings(size, orders):
    """Return the sizes that halving gives, up or down as `orders` say."""
    sizes = [size]
    for up in orders:
        sizes.append((sizes[-1] + up) // 2)
    return sizes


def test_every_halving_meets_an_odd_size():
    for orders in chain(*(product((0, 1), repeat=length) for length in range(5))):
        last = [halvings(size, orders)[-1] for size in wiring.IMAGE_SIZES]
        assert any(size % 2 for size in last), orders


def test_maps_that_do_not_halve_evenly_are_resized():
    backbone = dict(type='mmadf.InceptionV3Map')  # 54, 25 and 5 pixels high
    head = dict(type='LinearClsHead', num_classes=5, in_channels=2048)
    with without_memory():
        mapper = build(backbone=backbone, head=head).mappers[0]
    assert (mapper.strides, mapper.resize) == ((8, 4), True)


def test_inference_of_shapes_leaves_random_state_and_mode_alone():
    given = dict(
        type='Mapper',
        sources=(0, 1),
        in_channels=CHANNELS[:2],
        out_channels=CHANNELS[-1],
        strides=(8, 4),
    )
    torch.manual_seed(1)
    inferred = build()
    torch.manual_seed(1)
    stated = build(mapper=given)
    assert inferred.backbone.training
    assert_close(inferred.state_dict(), stated.state_dict(), rtol=0, atol=0)


def test_appearance_branch_can_have_another_backbone():
    adf = build(
        appearance=dict(backbone=backbone_cfg(base_channels=4, stem_channels=4))
    )
    assert adf.appearance_head.fc.in_features == 32
    assert adf.mappers[0].in_channels == (4, 8)
    step(adf, images())


@pytest.mark.parametrize('appearance', [None, dict(backbone=backbone_cfg())])
def test_shapes_are_inferred_at_the_image_size_that_a_backbone_states(appearance):
    backbone = dict(type='CNN9', channels=(8, 8, 8), fc_channels=8)
    mapper = dict(type='Mapper', sources=(0, 1))
    adf = build(
        backbone=backbone,
        head=dict(type='LinearClsHead', num_classes=5, in_channels=8),
        appearance=appearance,
        mapper=mapper,
    )
    sides = (16, 8) if appearance is None else (32, 16)  # of the sources; target: 1
    assert adf.mappers[0].strides == sides
    assert adf.fused_maps(images(size=32))[-1].shape[2:] == (1, 1)


class OneSize(nn.Module):
    """Stages of stride 4 and 8 for images of 96 pixels, as Swin has one for 384."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 4, stride=4)
        self.positions = nn.Parameter(torch.randn(8, 24, 24))
        self.norm = nn.BatchNorm2d(8)
        self.deep = nn.Conv2d(8, 16, 2, stride=2)

    def forward(self, x):
        return self.deep(self.norm(self.patches(x) + self.positions))


class OneSizeStages(Stages):
    def run(self, backbone, stage, x):
        if stage == 0:
            return backbone.norm(backbone.patches(x) + backbone.positions)
        return super().run(backbone, stage, x)


@pytest.fixture
def one_size(monkeypatch):
    name = f'{__name__}.OneSize'
    stages = OneSizeStages([('patches', 'norm'), ('deep',)])
    monkeypatch.setitem(FAMILIES, name, lambda _: stages)
    MODELS.register_module(module=OneSize, force=True)
    yield dict(type='OneSize')
    MODELS.module_dict.pop('OneSize')


@torch.no_grad()
@pytest.mark.parametrize('other', [False, True])
def test_a_backbone_for_another_usual_image_size_is_fused_and_deployed(one_size, other):
    """One that states no size, as Swin with windows of 12 x 12 positions."""
    head = dict(type='LinearClsHead', num_classes=5, in_channels=16)
    appearance = dict(backbone=backbone_cfg(), head=dict(head, in_channels=64))
    mapper = dict(type='Mapper', sources=(0,))
    adf = build(
        backbone=one_size,
        head=head,
        mapper=mapper,
        appearance=appearance if other else None,
    )
    assert adf.mappers[0].in_channels == (8,) and adf.mappers[0].out_channels == 16
    assert adf.mappers[0].strides == ((8,) if other else (2,))
    x = images(size=96)
    randomise(adf, std=0.2).eval()
    logits = adf(x)
    adf.switch_to_deploy()
    assert_close(adf(x), logits, rtol=1e-4, atol=1e-4)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in adf.mappers.modules())


def test_stages_of_a_backbone_that_has_not_their_modules_are_refused(
    one_size, monkeypatch
):
    stages = Stages([('patches', 'norms'), ('deep',)])
    monkeypatch.setitem(FAMILIES, f'{__name__}.OneSize', lambda _: stages)
    with pytest.raises(ValueError, match="stage 0 of OneSize names 'norms'"):
        build(backbone=one_size, mapper=None)


def test_channels_are_inferred_from_an_appearance_backbone_for_another_size(one_size):
    adf = build(appearance=dict(backbone=one_size), mapper=None)
    assert adf.appearance_head.fc.in_features == 16


def test_a_source_may_lie_behind_what_the_appearance_head_takes():
    shallow = backbone_cfg(out_indices=(1,))
    head = dict(type='LinearClsHead', num_classes=5, in_channels=CHANNELS[1])
    adf = build(
        appearance=dict(backbone=shallow, head=head),
        mapper=dict(type='Mapper', sources=(2,)),
    )
    randomise(adf.mappers, std=0.2)
    x = images()
    step(adf, x)
    adf.eval()
    (second,) = adf.appearance_backbone(x)
    expected = adf.appearance_head.fc(second.mean((2, 3)))
    assert_close(adf.logits_by_readout(x)['appearance'], expected)
    assert adf.appearance_backbone.layer3[0].bn2.weight.grad.abs().sum() > 0
    assert not list(adf.appearance_backbone.layer4.parameters())


def test_host_heads_work_on_both_branches():
    wise = dict(
        type='WiseSrNetHead', num_classes=5, in_channels=64, map_size=2, pool_size=None
    )
    adf = build(neck=None, head=wise)
    assert type(adf.appearance_head) is type(adf.head)
    step(adf, images())


@pytest.mark.parametrize(
    ('fine', 'coarse', 'stride'), [(109, 7, 16), (29, 4, 8), (13, 7, 2), (7, 7, 1)]
)
def test_stride_is_the_nearest_power_of_two(fine, coarse, stride):
    shallow = [torch.Size((1, 8, fine, fine))]
    deep = [torch.Size((1, 16, coarse, coarse))]
    cfg = complete(dict(sources=(0,)), Route((0,), 0), [shallow], [deep])
    assert (cfg['in_channels'], cfg['out_channels']) == ([8], 16)
    assert cfg['strides'] == [stride]
