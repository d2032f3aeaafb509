"""What may be built from a config without code."""

import pytest
from mmpretrain.registry import TRANSFORMS

from mmadf.models import ADFClassifier
from mmadf.registry import MODELS
from mmadf.weights.plain_config import (
    check_plain,
    from_json,
    prediction_config,
    to_json,
    trusted_type,
)
from tests.helpers import adf_cfg, named


def test_values_are_the_same_after_json():
    value = dict(a=(1, (2.5, None)), b=[dict(c=()), True], d='x')
    assert from_json(to_json(value)) == value
    assert to_json(dict(type=ADFClassifier)) == dict(type='ADFClassifier')


def test_types_of_the_libraries_are_trusted():
    for name, trusted in [
        ('mmadf.Mapper', True),
        ('mmpretrain.ResNet', True),
        ('ResNet', True),
        ('BN', True),
        ('mmengine.SyncBN', True),
        ('mmengine.ResNet', False),
        ('mmdet.ResNet', False),
        ('mmpretrain.models.backbones.resnet.ResNet', False),
        ('MAE', False),
        ('CLIP', False),
        ('PackInputs', False),
        (None, False),
    ]:
        with named(name):
            assert (trusted_type(name) is not None) == trusted


def test_components_of_others_are_not_trusted(monkeypatch):
    class Network:
        pass

    monkeypatch.setitem(MODELS.host.module_dict, 'Network', Network)
    monkeypatch.setitem(MODELS.host.module_dict, 'ResNet', Network)
    assert trusted_type('Network') is None
    assert trusted_type('ResNet') is None


def test_transforms_are_trusted_by_their_own_registry():
    for name in ('PackInputs', 'torchvision/Resize', 'CenterCrop', 'mmengine.Pad'):
        assert trusted_type(name, TRANSFORMS) is not None, name
    assert trusted_type('ResNet', TRANSFORMS) is None


def test_configs_of_networks_are_plain():
    for part in [
        dict(type='RegNet', arch='regnetx_1.6gf'),
        dict(type='ConvMixer', arch='1024/20'),
        dict(type='TIMMBackbone', model_name='resnet18.a1_in1k', pretrained=False),
        dict(type='mmadf.DecoupledBackbone', include=['layer3.*'], exclude=('*fc*',)),
        dict(type='ResNet', init_cfg=None, frozen_stages=-1, norm_cfg=dict(type='BN')),
    ]:
        with named(part):
            check_plain(part, 'model')


def test_names_with_dots_are_no_paths():
    for name in ['arch', 'model_name', 'include']:
        with named(name):
            for text in ('../a', 'C:\\a', 'https://a', ['a', 'hf-hub:a']):
                with pytest.raises(
                    ValueError, match=rf'model\.{name}.*may be a path, a URL'
                ):
                    check_plain({name: text}, 'model')


def test_deep_nesting_is_refused():
    value = {}
    for _ in range(100):
        value = dict(a=value)
    with pytest.raises(ValueError, match='is nested more than 40 levels'):
        check_plain(value, 'model')


def test_training_and_scopes_are_removed_at_every_level():
    cfg = adf_cfg(train_cfg=dict(a=1), pretrained_branches=dict(checkpoint='a'))
    cfg['neck'] = [dict(cfg['neck'], init_cfg=dict(type='Constant'), _scope_='mmadf')]
    expected = adf_cfg()
    assert prediction_config(cfg) == {**expected, 'neck': [expected['neck']]}


def test_types_that_are_given_with_their_module_keep_their_name_alone():
    for given, kept in [
        ('mmpretrain.models.ResNet', 'ResNet'),
        ('mmadf.models.fusion.Mapper', 'Mapper'),
        ('mmadf.Mapper', 'mmadf.Mapper'),
        ('ResNet', 'ResNet'),
    ]:
        with named(given):
            assert prediction_config([dict(type=given)]) == [dict(type=kept)]
