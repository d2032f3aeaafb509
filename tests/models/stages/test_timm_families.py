"""How timm's networks are cut, compared with timm; test_families fuses some of them."""

import pytest
import torch
from mmpretrain.models import TIMMBackbone

from mmadf.models.stages import stages_of
from tests.helpers import named, without_memory

pytest.importorskip('timm')

TINY_SWIN = dict(
    embed_dim=8, depths=(1, 1, 1, 1), num_heads=(1, 1, 2, 2), img_size=64, window_size=2
)
TINY_MAMBAOUT = dict(dims=(8, 16, 24, 32), depths=(1, 1, 1, 1))


def backbone(name, features_only=True, **arguments):
    return TIMMBackbone(name, features_only=features_only, **arguments)


def without_weights(name, **arguments):
    with without_memory():
        return backbone(name, **arguments)


@torch.no_grad()
@pytest.mark.parametrize(
    ('name', 'arguments'),
    [
        ('mobilenetv3_small_050', {}),
        ('mobilenetv3_small_050', dict(out_indices=(1, 3))),
        ('lcnet_050', {}),
        ('mobilenetv2_035', {}),
        ('cspnext_tiny', dict(out_indices=(0, 2, 3))),
        pytest.param(
            'mobilenetv5_base', dict(out_indices=(0, 1)), marks=pytest.mark.slow
        ),
        ('convmixer_768_32', dict(out_indices=(0, 1))),
    ],
)
def test_stages_end_where_timm_takes_features(name, arguments):
    network, x = backbone(name, **arguments), torch.randn(1, 3, 64, 64)
    network.eval()
    stages = stages_of(network)
    indices = stages.out_stages(network)
    assert len(indices) == len(network(x))
    maps = stages.maps(network, x, indices[-1])
    for i, expected in zip(indices, network(x), strict=True):
        assert torch.equal(maps[i], expected)


@torch.no_grad()
def test_whole_efficientnet_has_one_stage_more_than_its_features():
    network = backbone('mobilenetv2_035', features_only=False)
    features, x = backbone('mobilenetv2_035'), torch.randn(1, 3, 64, 64)
    features.load_state_dict(network.state_dict(), strict=False)
    network.eval()
    features.eval()
    stages = stages_of(network)
    *maps, last = stages.maps(network, x, len(stages) - 1)
    for found, expected in zip(maps, features(x), strict=True):
        assert torch.equal(found, expected)
    assert torch.equal(last, *network(x))


@torch.no_grad()
@pytest.mark.parametrize(
    ('name', 'arguments'),
    [('swin_tiny_patch4_window7_224', TINY_SWIN), ('mambaout_femto', TINY_MAMBAOUT)],
)
def test_channels_last_feature_maps_are_permuted(name, arguments):
    network, x = backbone(name, **arguments), torch.randn(2, 3, 64, 64)
    network.eval()
    maps = stages_of(network).maps(network, x, 3)
    assert [m.shape[1] for m in maps] == network.timm_model.feature_info.channels()
    for found, expected in zip(maps, network(x), strict=True):
        assert torch.equal(found, expected.permute(0, 3, 1, 2))


def test_a_network_without_features_only_is_told_to_set_it():
    for name in ['resnet18', 'hrnet_w18_small', 'vit_tiny_patch16_224']:
        with named(name):
            network = without_weights(name, features_only=False)
            with pytest.raises(ValueError, match=rf'^TIMMBackbone: .*{name}.*=True\.$'):
                stages_of(network)


def test_networks_that_are_no_sequence_are_refused_with_the_reason():
    for name, reason in [
        ('hrnet_w18_small', 'side by side'),
        ('vit_tiny_patch16_224', 'need more than a feature map'),
        ('xception41', r'hooks inside blocks \(blocks\.0\.stack'),
        ('selecsls42', 'several tensors'),
        ('tresnet_m', 'first feature is not a module'),
    ]:
        with named(name):
            message = (
                rf'^TIMMBackbone: {name} cannot be cut .*{reason}.*docs/models\.md\.$'
            )
            with pytest.raises(ValueError, match=message):
                stages_of(without_weights(name))


def test_a_network_that_is_known_only_as_a_whole_is_told_so():
    network = without_weights('legacy_xception')
    with pytest.raises(ValueError, match=r'hooks.*set features_only=False\.$'):
        stages_of(network)


def test_features_inside_blocks_are_refused():
    expansion = dict(feature_location='expansion', out_indices=(1, 2))
    network = without_weights('mobilenetv3_small_050', **expansion)
    with pytest.raises(ValueError, match="'expansion', features lie inside blocks"):
        stages_of(network)
