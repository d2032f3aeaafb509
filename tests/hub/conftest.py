"""Model folders of small networks."""

import json
import shutil
from copy import deepcopy

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

import mmadf
from mmadf.registry import MODELS
from tests.helpers import adf_cfg, backbone_cfg, randomise

pytest.importorskip('safetensors')
CLASSES = ['ant', 'bee', 'cat', 'dog', 'emu']
MEAN, STD = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]
PIPELINE = [
    dict(type='LoadImageFromFile'),
    dict(type='ResizeEdge', scale=36, edge='short'),
    dict(type='CenterCrop', crop_size=(32, 32)),
    dict(type='PackInputs'),
]
PREPROCESSOR = dict(mean=MEAN, std=STD, to_rgb=True)
HEAD = dict(type='LinearClsHead', num_classes=5, in_channels=64)
PLAIN = dict(
    type='ImageClassifier',
    data_preprocessor=PREPROCESSOR,
    backbone=backbone_cfg(),
    neck=dict(type='GlobalAveragePooling'),
    head=HEAD,
)


def adf(**changes):
    """Return the config of an ADF classifier with preprocessing."""
    return adf_cfg(data_preprocessor=PREPROCESSOR, **changes)


def build(cfg):
    """Build a network with random weights."""
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return randomise(MODELS.build(deepcopy(cfg)), 0.2).eval()


def config(model):
    """Return the config of a network with its test pipeline and class names."""
    dataset = dict(
        type='CustomDataset',
        data_root='nowhere',
        metainfo=dict(classes=CLASSES),
        pipeline=PIPELINE,
    )
    return Config(dict(model=deepcopy(model), test_dataloader=dict(dataset=dataset)))


@pytest.fixture(scope='session')
def network():
    """Return an ADF classifier with random weights."""
    return build(adf())


@pytest.fixture(scope='session')
def saved(tmp_path_factory, network):
    """Return its model folder, which must not be changed."""
    folder = tmp_path_factory.mktemp('saved') / 'folder'
    mmadf.save_pretrained(network, folder, config(adf()))
    return folder


@pytest.fixture
def folder(saved, tmp_path):
    """Return a copy of its model folder."""
    return shutil.copytree(saved, tmp_path / 'folder')


@pytest.fixture
def change(folder):
    """Return a function that changes `config.json` by a function of its content."""

    def _change(function):
        content = json.loads((folder / 'config.json').read_text())
        function(content)
        (folder / 'config.json').write_text(json.dumps(content))
        return folder

    return _change
