"""Trained networks from config and checkpoint, and the names of their classes."""

import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import default_collate
from mmengine.model import PretrainedInit
from mmengine.registry import DefaultScope
from torch.testing import assert_close

from mmadf.registry import MODELS
from mmadf.weights.load import (
    build_network,
    class_names,
    inner_configs,
    known_names,
    load_network,
    read_config,
    strip_pretrained,
)
from tests.helpers import adf_cfg, backbone_cfg, named, randomise

PRETRAINED = dict(type='Pretrained', checkpoint='gone.pth')

PURE_PYTHON = """
from mmengine.dataset import default_collate
from mmengine.model import PretrainedInit
from mmpretrain.datasets import CIFAR10
from mmpretrain.models import ImageClassifier, LinearClsHead, ResNet

start = dict(type=PretrainedInit, checkpoint='gone.pth')
model = dict(
    type=ImageClassifier,
    backbone=dict(type=ResNet, depth=18, base_channels=8, init_cfg=start),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type=LinearClsHead, num_classes=10, in_channels=64),
)
dataset = dict(type=CIFAR10, pipeline=[dict(type='PackInputs')])
test_dataloader = dict(dataset=dataset, collate_fn=default_collate)
"""


@pytest.fixture
def files(tmp_path):
    """Return the config and the checkpoint of an ADF classifier."""
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        weights = randomise(MODELS.build(adf_cfg())).state_dict()
    checkpoint = tmp_path / 'net.pth'
    torch.save(dict(state_dict=weights, meta=dict(epoch=3)), checkpoint)
    return Config(dict(model=adf_cfg())), checkpoint


def test_a_network_has_the_weights_of_its_checkpoint(files):
    cfg, checkpoint = files
    model, meta = load_network(*files)
    assert_close(dict(model.state_dict()), dict(torch.load(checkpoint)['state_dict']))
    assert not any(module.training for module in model.modules())
    assert meta == dict(epoch=3)
    assert cfg.model == adf_cfg()


def test_pretrained_weights_of_the_config_are_not_read(files):
    for changes in [
        dict(backbone=backbone_cfg(init_cfg=PRETRAINED)),
        dict(pretrained='gone.pth'),
        dict(pretrained_branches=dict(checkpoint='gone.pth')),
    ]:
        with named(changes):
            model, _ = load_network(Config(dict(model=adf_cfg(**changes))), files[1])
            model.init_weights()  # would read gone.pth


def test_networks_of_timm_are_built_without_their_weights(monkeypatch, tmp_path):
    timm = pytest.importorskip('timm')
    create, requested = timm.create_model, []

    def _create(*args, pretrained, **kwargs):
        requested.append(pretrained)
        return create(*args, pretrained=False, **kwargs)

    monkeypatch.setattr(timm, 'create_model', _create)
    backbone = dict(type='TIMMBackbone', model_name='resnet10t', features_only=True)
    backbone.update(pretrained=True, out_indices=(4,))
    model = dict(
        type='ImageClassifier',
        backbone=backbone,
        neck=dict(type='GlobalAveragePooling'),
        head=dict(type='LinearClsHead', num_classes=2, in_channels=512),
    )
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        weights = MODELS.build(strip_pretrained(model)).state_dict()
    torch.save(dict(state_dict=weights), tmp_path / 'net.pth')
    load_network(Config(dict(model=model)), tmp_path / 'net.pth')
    assert requested == [False, False]


def test_pretrained_weights_are_removed_at_any_depth():
    cfg = dict(
        backbone=dict(type='ResNet', init_cfg=PRETRAINED, pretrained=True),
        neck=None,
        head=dict(init_cfg=[dict(type='Normal'), PRETRAINED]),
        pretrained='b.pth',
        pretrained_branches=dict(checkpoint='c.pth'),
        appearance=dict(backbone=dict(checkpoint_path='d.pth')),
    )
    assert strip_pretrained(cfg) == dict(
        backbone=dict(type='ResNet', pretrained=False),
        neck=None,
        head=dict(init_cfg=[dict(type='Normal')]),
        pretrained=None,
        appearance=dict(backbone=dict()),
    )


@pytest.mark.parametrize(
    'kind', ['Pretrained', 'mmengine.model.weight_init.PretrainedInit', PretrainedInit]
)
def test_pretrained_weights_are_removed_by_any_form_of_their_type(kind):
    init_cfg = [dict(type='Normal'), dict(type=kind, checkpoint='gone.pth')]
    assert strip_pretrained(init_cfg) == [dict(type='Normal')]


def test_a_checkpoint_of_another_network_is_refused(files):
    cfg, checkpoint = files
    weights = torch.load(checkpoint)['state_dict']
    for change in (
        {'extra.weight': torch.zeros(1)},
        {'head.fc.bias': None},
        {'head.fc.bias': torch.zeros(6)},
    ):
        given = {**weights, **change}
        given = {name: value for name, value in given.items() if value is not None}
        torch.save(dict(state_dict=given), checkpoint)
        match = r'net\.pth.*(extra|head.fc.bias)'
        with named(change), pytest.raises(ValueError, match=match):
            load_network(cfg, checkpoint)


def test_a_file_that_is_not_a_checkpoint_is_refused(files):
    with pytest.raises(ValueError, match=r"checkpoint='.*test_load\.py'"):
        load_network(files[0], __file__)


def test_a_missing_config_or_checkpoint_is_refused(files):
    with pytest.raises(FileNotFoundError, match=r'gone\.pth'):
        load_network(files[0], 'gone.pth')
    with pytest.raises(FileNotFoundError, match=r'gone\.py'):
        read_config('gone.py')


def test_a_file_that_is_not_the_config_of_a_network_is_refused(tmp_path):
    for text in ['raise OSError(7)', 'learning_rate = 1']:
        with named(text):
            path = tmp_path / 'net.py'
            path.write_text(text)
            with pytest.raises(
                ValueError, match=r"config='.*net\.py'.*(OSError|`model`)"
            ):
                read_config(str(path))


def test_checkpoints_of_parallel_training_and_safetensors_are_read(files):
    cfg, checkpoint = files
    weights = torch.load(checkpoint)['state_dict']
    torch.save({f'module.{name}': t for name, t in weights.items()}, checkpoint)
    model, meta = load_network(cfg, checkpoint)
    assert_close(dict(model.state_dict()), dict(weights))
    assert meta == {}
    save_file = pytest.importorskip('safetensors.torch').save_file
    save_file(weights, checkpoint.with_suffix('.safetensors'))
    model, _ = load_network(cfg, checkpoint.with_suffix('.safetensors'))
    assert_close(dict(model.state_dict()), dict(weights))


def test_configs_of_packages_are_read_by_name():
    for name, kind in [
        ('mmadf::adf/adf_tiny_digits.py', 'ADFClassifier'),
        ('mmpretrain::_base_/models/resnet18.py', 'ImageClassifier'),
    ]:
        with named(name):
            assert read_config(name).model.type == kind


def test_unknown_config_or_package_is_named():
    for name, error, words in [
        ('mmadf::adf/gone.py', FileNotFoundError, 'mmadf::adf/gone.py.* not exist'),
        ('gone::adf/a.py', ValueError, "gone::adf/a.py.*'gone' is not an installed"),
    ]:
        with named(name), pytest.raises(error, match=words):
            read_config(name)


@pytest.fixture
def pure_python(tmp_path):
    """Return a config in the style in which types are classes."""
    path = tmp_path / 'net.py'
    path.write_text(PURE_PYTHON)
    return read_config(str(path))


def test_types_that_are_classes_become_names_and_other_imports_stay(pure_python):
    cfg = pure_python
    assert cfg.model.type == 'mmpretrain.models.ImageClassifier'
    assert cfg.model.backbone.init_cfg.type == 'mmengine.model.PretrainedInit'
    assert cfg.test_dataloader.dataset.type == 'mmpretrain.datasets.CIFAR10'
    assert cfg.test_dataloader.dataset.pipeline == [dict(type='PackInputs')]
    assert cfg.test_dataloader.collate_fn is default_collate


def test_a_config_whose_types_are_classes_names_its_classes(pure_python):
    assert class_names(pure_python, {}, 10)[:2] == ['airplane', 'automobile']


def test_a_config_whose_types_are_classes_builds_without_pretrained_weights(
    pure_python,
):
    model = build_network(pure_python)
    model.init_weights()  # would read gone.pth
    assert model(torch.zeros(2, 3, 32, 32)).shape == (2, 10)


def test_configs_of_mmpretrain_are_copies():
    cfg = read_config('resnet18_8xb32_in1k')
    cfg.model.backbone.depth = 34
    assert read_config('resnet18_8xb32_in1k').model.backbone.depth == 18


def test_class_names_are_those_of_the_checkpoint_or_the_test_set():
    for meta, dataset, names in [
        (dict(dataset_meta=dict(classes=('a', 'b'))), dict(classes=['c', 'd']), 'ab'),
        (dict(CLASSES=['a', 'b']), {}, 'ab'),
        ({}, dict(metainfo=dict(classes=['c', 'd'])), 'cd'),
        ({}, dict(classes=['c', 'd']), 'cd'),
        ({}, dict(type='RepeatDataset', dataset=dict(classes=['e', 'f'])), 'ef'),
        ({}, dict(type='ConcatDataset', datasets=[dict(classes=['e', 'f'])]), 'ef'),
        (dict(dataset_meta=dict(classes=('a',))), dict(classes=['c', 'd']), 'cd'),
    ]:
        with named((meta, dataset)):
            cfg = Config(dict(test_dataloader=dict(dataset=dataset)))
            assert class_names(cfg, meta, 2) == list(names)


def test_the_data_sets_inside_wrappers_have_their_names():
    first, second = dict(pipeline=[1]), dict(pipeline=[2])
    kinds = dict(type='RepeatDataset', dataset=first), second
    wrapped = dict(type='ConcatDataset', datasets=list(kinds))
    found = [('test.datasets.0.dataset', first), ('test.datasets.1', second)]
    assert list(inner_configs(wrapped, 'test')) == found
    assert list(inner_configs(first, 'test')) == [('test', first)]


def test_class_names_come_from_a_file_or_from_the_data_set_itself(tmp_path):
    path = tmp_path / 'names.txt'
    path.write_text('one\ntwo\n')
    given = dict(classes=str(path))
    for dataset in (given, dict(metainfo=given)):
        cfg = Config(dict(test_dataloader=dict(dataset=dataset)))
        with named(dataset):
            assert class_names(cfg, {}, 2) == ['one', 'two']
    cfg.test_dataloader.dataset = dict(type='CIFAR10')
    assert class_names(cfg, {}, 10)[:2] == ['airplane', 'automobile']


def test_a_file_of_class_names_is_not_read_if_the_checkpoint_names_them():
    cfg = Config(dict(test_dataloader=dict(dataset=dict(classes='gone.txt'))))
    meta = dict(dataset_meta=dict(classes=('a', 'b')))
    assert class_names(cfg, meta, 2) == ['a', 'b']
    with pytest.raises(FileNotFoundError, match='gone.txt'):
        class_names(cfg, {}, 2)


def test_classes_without_matching_names_are_numbered():
    for meta, dataset in [
        (dict(dataset_meta=None), {}),
        ({}, dict(type='CustomDataset')),
        (dict(dataset_meta=dict(classes=('cat', 'dog'))), dict(classes=['c', 'd'])),
    ]:
        with named((meta, dataset)):
            cfg = Config(dict(test_dataloader=dict(dataset=dataset)))
            assert class_names(cfg, meta, 3) == ['class 0', 'class 1', 'class 2']


def test_names_of_the_checkpoint_precede_those_of_the_config():
    cfg = Config(dict(test_dataloader=dict(dataset=dict(classes=['c']))))
    meta = dict(dataset_meta=dict(classes=('a', 'b')))
    assert list(known_names(cfg, meta)) == [['a', 'b'], ['c']]
    assert list(known_names(Config(dict(model=dict())), {})) == []


def test_names_of_more_classes_than_the_network_has_are_not_used():
    for meta, dataset in [
        (dict(dataset_meta=dict(classes=('a', 'b', 'c', 'd'))), {}),
        ({}, dict(type='CIFAR10')),
    ]:
        with named((meta, dataset)):
            cfg = Config(dict(test_dataloader=dict(dataset=dataset)))
            assert class_names(cfg, meta, 3) == ['class 0', 'class 1', 'class 2']


def test_class_names_of_the_checkpoint_replace_those_of_the_test_set(files):
    cfg, checkpoint = files
    cfg.test_dataloader = dict(dataset=dict(type='CIFAR10'))
    assert load_network(cfg, checkpoint)[0]._dataset_meta['classes'][0] == 'airplane'
    content = torch.load(checkpoint)
    content['meta']['dataset_meta'] = dict(classes=('a', 'b', 'c', 'd', 'e'))
    torch.save(content, checkpoint)
    model, _ = load_network(cfg, checkpoint)
    assert model._dataset_meta == dict(classes=('a', 'b', 'c', 'd', 'e'))
