import mmpretrain
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from mmadf.models import WiseSrNetHead
from mmadf.models.layers.spatial_kernel import SpatialKernel
from mmadf.registry import MODELS
from tests.conftest import ROOT

FOLDER = ROOT / 'configs' / 'wise_srnet'
# Name -> weights beyond ResNet-50 with global average pooling.
EXTRA = {
    'gap_resnet50_imagenet': 0,
    'wisesrnet_resnet50_imagenet': 2048 * 9 + 2048,
    'wisesrnet_resnet50_imagenet_dropout': 2048 * 9 + 2048,
    'wisesrnet_resnet50_imagenet_gapinit': 2048 * 9 + 2048,
    'wisesrnet_resnet50_imagenet_free': 2048 * 9 + 2048,
    'dw_resnet50_imagenet': 2048 * 49 + 2048,
    'dwc_resnet50_imagenet': 2048 * 49 + 2048,
    'gwap_resnet50_imagenet': 49 + 1,
    'flatten_resnet50_imagenet': 2048 * 8 * 1000,
    'gem_resnet50_imagenet': 1,
}
FREE = {'wisesrnet_resnet50_imagenet_free', 'dw_resnet50_imagenet'}


def build(name):
    cfg = Config.fromfile(FOLDER / f'{name}.py')
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return MODELS.build(cfg.model)


@pytest.mark.parametrize('name', EXTRA)
def test_variants_differ_from_gap_by_their_pooling_alone(name):
    model = build(name)
    total = sum(p.numel() for p in model.parameters())
    assert total == 25_557_032 + EXTRA[name]
    spatial = getattr(getattr(model.head, 'pooling', None), 'spatial', None)
    if isinstance(spatial, SpatialKernel):
        constrained = 'NonNegative' in type(spatial).__name__
        assert constrained == (name not in FREE)


def test_attention_pooling_is_that_of_timm():
    layers = pytest.importorskip('timm').layers
    model = build('attention_resnet50_imagenet')
    assert type(model.neck.pool) is layers.AttentionPool2d


def test_every_config_is_tried():
    names = {path.stem for path in FOLDER.glob('*_imagenet*.py')}
    assert names == {*EXTRA, 'attention_resnet50_imagenet'}


def test_tiny_network_ends_in_a_map_of_6_x_6_and_its_head_has_3_x_3_weights():
    gap, wise = build('gap_tiny_scenes'), build('wisesrnet_tiny_scenes')
    (last,) = gap.backbone(torch.zeros(1, 3, 84, 84))
    assert last.shape == (1, 32, 6, 6)
    extra = sum(p.numel() for p in wise.parameters())
    extra -= sum(p.numel() for p in gap.parameters())
    assert extra == 32 * 9 + 32


def test_mmpretrain_lists_and_builds_wise_srnet():
    (name, *_) = mmpretrain.list_models('wisesrnet*')
    assert isinstance(mmpretrain.get_model(name).head, WiseSrNetHead)
