"""The package as a plugin: import, registries, configs by name, supported stacks."""

import re
import sys
from importlib import metadata
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import yaml
from mmengine.config import Config
from mmengine.registry import MODELS as ROOT_MODELS
from mmengine.registry import DefaultScope, Registry
from mmpretrain.registry import HOOKS as HOST_HOOKS
from mmpretrain.registry import MODELS as HOST_MODELS

import mmadf
from mmadf import compat
from mmadf.models import (
    ADFBackbone,
    ADFClassifier,
    DecoupledConv2d,
    Mapper,
    WiseSrNetHead,
)
from mmadf.registry import MODELS
from tests.conftest import ROOT
from tests.helpers import named, without_memory

# Import


@pytest.fixture(scope='module')
def first_import(python):
    """Import mmadf by a scoped name in a new process; return what it prints."""
    code = """
import socket, sys, warnings
from mmengine.registry import MODELS, DefaultScope, Registry

other = Registry('model', parent=MODELS, scope='otherlib', locations=[])
sys.modules['otherlib'] = sys.modules['otherlib.registry'] = sys.modules[__name__]
DefaultScope.get_instance('other', scope_name='otherlib')
assert 'mmadf' not in sys.modules

def refuse(*args, **kwargs):
    raise AssertionError('the network was used')
socket.socket.connect = refuse
socket.getaddrinfo = refuse
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter('default')
    mapper = other.build(dict(
        type='mmadf.Mapper',
        sources=(0,), in_channels=(2,), out_channels=3, strides=(2,)))
import torch
assert not torch.cuda.is_initialized()
hidden = (DeprecationWarning, PendingDeprecationWarning, ResourceWarning)
for warning in caught:
    told = f'{warning.filename} {warning.message}'
    assert issubclass(warning.category, hidden) and 'mmadf' not in told, told
print(type(mapper).__module__)
"""
    return python('-c', code)


@pytest.mark.slow
def test_import_prints_nothing_and_needs_neither_network_nor_gpu(first_import):
    assert len(first_import.stdout.splitlines()) == 1
    assert first_import.stderr == ''


@pytest.mark.slow
def test_scoped_name_builds_in_another_library_without_import(first_import):
    assert first_import.stdout.strip() == 'mmadf.models.fusion.mapper'


def test_bare_and_scoped_names_are_known():
    for component in (ADFClassifier, Mapper, WiseSrNetHead, DecoupledConv2d):
        name = component.__name__
        with named(name):
            assert HOST_MODELS.get(name) is MODELS.get(name) is component
            scoped = f'mmadf.{name}'
            assert ROOT_MODELS.get(scoped) is HOST_MODELS.get(scoped) is component


def test_parts_for_every_library_are_known_to_the_root_and_classifiers_are_not():
    for component in (ADFBackbone, DecoupledConv2d, Mapper):
        assert ROOT_MODELS.module_dict[component.__name__] is component
    assert 'ADFClassifier' not in ROOT_MODELS.module_dict


def test_hooks_are_known_to_mmpretrain():
    assert HOST_HOOKS.get('SafeCheckpointHook').__module__.startswith('mmadf.')


def test_default_scope_mmadf_finds_the_host():
    assert MODELS.get('ResNeXt') is HOST_MODELS.get('ResNeXt')
    with DefaultScope.overwrite_default_scope('mmadf'):
        neck = ROOT_MODELS.build(dict(type='GlobalAveragePooling'))
    assert type(neck).__name__ == 'GlobalAveragePooling'


def test_scope_mmadf_has_every_registry_of_the_host():
    from mmpretrain import registry as host

    for name in host.__all__:
        node = getattr(host, name)
        root = node.parent or node
        with root.switch_scope_and_registry('mmadf') as ours:
            assert ours.scope == 'mmadf', name
            assert ours.host is node


def test_registries_stay_what_mmengine_takes_them_for():
    assert isinstance(MODELS, Registry)
    assert ROOT_MODELS.children['mmadf'] is MODELS


# Configs by name


def test_config_as_base_of_a_users_file(tmp_path):
    user = tmp_path / 'mine.py'
    user.write_text(
        "_base_ = 'mmadf::adf/adf_tiny_digits.py'\nmodel = dict(readout='sum')\n"
    )
    model = Config.fromfile(user).model
    assert (model.type, model.readout) == ('ADFClassifier', 'sum')


def test_three_lines_turn_a_host_config_into_adf(tmp_path):
    user = tmp_path / 'mine.py'
    user.write_text("""
_base_ = 'mmpretrain::resnet/resnet18_8xb32_in1k.py'
custom_imports = dict(imports=['mmadf'])
model = dict(type='ADFClassifier', mapper=dict(type='Mapper', sources=(0, 1)))
""")
    cfg = Config.fromfile(user)
    with DefaultScope.overwrite_default_scope('mmpretrain'), without_memory():
        model = HOST_MODELS.build(cfg.model)
    assert model.mappers[0].strides == (8, 4)
    assert model.appearance_head.num_classes == 1000


@pytest.mark.slow
def test_config_as_base_in_a_tool_that_does_not_import_mmadf(python, tmp_path):
    path = tmp_path / 'mine.py'
    path.write_text("_base_ = __import__('mmadf') and 'mmadf::adf/adf_tiny_digits.py'")
    code = f"""
import sys
from mmengine.config import Config
assert 'mmadf' not in sys.modules
print(Config.fromfile({str(path)!r}).model.type)
"""
    assert python('-c', code).stdout.strip() == 'ADFClassifier'


def test_hub_finds_configs_and_models():
    from mmengine.hub import get_config, get_model

    cfg = get_config('mmadf::adf/adf_resnext101_imagenet.py')
    assert cfg.model.backbone.depth == 101
    assert isinstance(get_model('mmadf::adf/adf_tiny_digits.py'), ADFClassifier)


def test_mmpretrain_lists_and_builds_our_models():
    import mmpretrain

    names = mmpretrain.list_models('*adf*')
    assert 'adf-resnext101-32x4d_in1k' in names
    model = mmpretrain.get_model('adf-tiny_digits')
    assert isinstance(model, ADFClassifier)
    assert not model.training


def test_mmpretrain_knows_the_task_of_our_models():
    import mmpretrain

    ours = mmpretrain.list_models('*adf*')
    assert mmpretrain.list_models('*adf*', task='Image Classification') == ours
    model = mmpretrain.get_model('adf-tiny_digits')
    image = np.zeros((16, 16, 3), dtype=np.uint8)
    result = mmpretrain.inference_model(model, image)
    assert len(result['pred_scores']) == 10


# Stack


def versions(monkeypatch, **installed):
    """Pretend that exactly these distributions are installed."""
    installed = {name.replace('_', '-'): v for name, v in installed.items()}

    def version(name):
        if name in installed:
            return installed[name]
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(compat.metadata, 'version', version)
    monkeypatch.setattr(compat, 'find_spec', lambda name: None)


FORKS = dict(onedl_mmengine='0.10.12', onedl_mmcv='2.3.6', onedl_mmpretrain='1.3.6')
STOCK = dict(mmengine='0.10.7', mmcv_lite='2.2.0', mmpretrain='1.2.0')


def test_supported_stacks_pass(monkeypatch):
    for installed in [FORKS, STOCK]:
        with named(installed):
            versions(monkeypatch, **installed)
            compat.check_stack()


def test_unsupported_stacks_are_named(monkeypatch):
    for changes, message in [
        (dict(onedl_mmcv=None), 'mmcv is missing .supported: onedl-mmcv>=2.3.6'),
        (dict(onedl_mmengine='0.9.1'), 'found onedl-mmengine 0.9.1 .supported: '),
        (dict(onedl_mmpretrain='2.0'), 'found onedl-mmpretrain 2.0 '),
        (dict(mmcv='2.2.0'), 'onedl-mmcv 2.3.6 and mmcv 2.2.0 install the same files'),
    ]:
        with named(changes):
            installed = {k: v for k, v in {**FORKS, **changes}.items() if v}
            versions(monkeypatch, **installed)
            with pytest.raises(ImportError, match=message) as error:
                compat.check_stack()
            command = (
                "pip install 'onedl-mmengine>=0.10.12,<1' 'onedl-mmcv>=2.3.6,<2.4' 'one"
            )
            assert command in str(error.value)


def test_broken_imports_are_explained(monkeypatch):
    for raised, message in [
        (RuntimeError('operator torchvision::nms does not exist'), 'not a matching'),
        (ModuleNotFoundError('x', name='pkg_resources'), "'setuptools<82'"),
    ]:
        fail = mock.Mock(side_effect=raised)
        monkeypatch.setattr(compat, 'import_module', fail)
        with named(raised), pytest.raises(ImportError, match=message):
            compat.import_host()


def test_mirror_keeps_the_path():
    stock = 'https://download.openmmlab.com/mmclassification/v0/resnet/a.pth'
    mirrored = re.sub(*mmadf.WEIGHTS_MIRROR, stock)
    assert mirrored == 'https://mmassets.onedl.ai/mmclassification/v0/resnet/a.pth'


def test_version_is_one():
    assert f'## {mmadf.__version__}' in (ROOT / 'CHANGELOG.md').read_text()
    citation = yaml.safe_load((ROOT / 'CITATION.cff').read_text())
    assert citation['version'] == mmadf.__version__
    assert Path(mmadf.__file__).parent == ROOT / 'mmadf'
    assert sys.modules['mmadf'].models is mmadf.models
