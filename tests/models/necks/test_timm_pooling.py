"""The neck with layers of timm, against timm."""

import sys

import pytest
import torch
from mmpretrain.registry import MODELS
from torch.testing import assert_close

from mmadf.models import TimmPooling
from tests.helpers import named

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
    assert_close(neck(maps[-1]), found, rtol=0, atol=0)


# A name that timm.layers lacks, and a function in it.
def test_a_pooling_that_is_not_a_layer_is_refused():
    for name in ['AttentionPool3d', 'create_pool2d']:
        with named(name):
            pytest.importorskip('timm')
            with pytest.raises(ValueError, match=f"pooling='{name}' .*'SimPool2d'"):
                TimmPooling(name)


def test_output_that_is_not_one_vector_per_image_is_refused():
    pytest.importorskip('timm')
    neck = TimmPooling('BlurPool2d', dict(channels=4))
    with pytest.raises(ValueError, match=r"'BlurPool2d' .*\(2, 4, 3, 3\)"):
        neck((torch.randn(2, 4, 6, 6),))


def test_without_timm_the_install_command_is_given(monkeypatch):
    monkeypatch.setitem(sys.modules, 'timm.layers', None)
    with pytest.raises(ImportError, match='pip install timm'):
        TimmPooling()
