import sys

import pytest
import torch
from mmpretrain.registry import MODELS
from torch.testing import assert_close

from mmadf.models import TimmPooling

LAYERS = {
    'AttentionPool2d': dict(in_features=64, feat_size=5),
    'SimPool2d': dict(dim=64),
    'AdaptiveAvgMaxPool2d': dict(),
}


@pytest.mark.parametrize('name', LAYERS)
def test_output_is_that_of_timm(name):
    layers = pytest.importorskip('timm').layers
    neck = MODELS.build(dict(type='TimmPooling', pooling=name, arguments=LAYERS[name]))
    reference = getattr(layers, name)(**LAYERS[name])
    reference.load_state_dict(neck.pool.state_dict())
    maps = (torch.randn(2, 9, 9, 9), torch.randn(2, 64, 5, 5))
    (found,) = neck(maps)
    assert found.abs().max() > 1e-3
    assert_close(found, reference(maps[-1]).flatten(1))


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(pooling='AttentionPool3d'), "'AttentionPool3d' is no layer of timm"),
        (dict(pooling='create_pool2d'), "'create_pool2d' is no layer .* has .*SimPool"),
    ],
)
def test_unknown_layers_are_named(arguments, message):
    pytest.importorskip('timm')
    with pytest.raises(ValueError, match=message):
        TimmPooling(**arguments)


def test_what_is_no_vector_per_image_is_named():
    pytest.importorskip('timm')
    neck = TimmPooling('BlurPool2d', dict(channels=4))
    with pytest.raises(ValueError, match=r'BlurPool2d made \(2, 4, 3, 3\) of'):
        neck((torch.randn(2, 4, 6, 6),))


def test_without_timm_the_command_is_given(monkeypatch):
    monkeypatch.setitem(sys.modules, 'timm', None)
    with pytest.raises(ImportError, match='pip install timm'):
        TimmPooling()
