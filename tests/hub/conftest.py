"""Model folders of small networks."""

import json
from copy import deepcopy

import pytest
import torch
from mmengine.registry import DefaultScope
from safetensors.torch import save_file

from mmadf.registry import MODELS
from mmadf.version import __version__
from mmadf.weights.plain_config import to_json
from tests.helpers import adf_cfg, randomise

PIPELINE = [
    dict(type='LoadImageFromFile'),
    dict(type='ResizeEdge', scale=36, edge='short'),
    dict(type='CenterCrop', crop_size=(32, 32)),
    dict(type='PackInputs'),
]
CLASSES = ['ant', 'bee', 'cat', 'dog', 'emu']
MEAN, STD = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]


def adf(**changes):
    """Return the config of an ADF classifier with preprocessing."""
    return adf_cfg(data_preprocessor=dict(mean=MEAN, std=STD, to_rgb=True), **changes)


def build(cfg):
    """Build a network with random weights."""
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return randomise(MODELS.build(deepcopy(cfg)), 0.2).eval()


def content(model):
    """Return the content of `config.json`."""
    return dict(
        library_name='mmadf',
        format_version=1,
        mmadf_version=__version__,
        model=to_json(model),
        test_pipeline=to_json(PIPELINE),
        classes=CLASSES,
    )


@pytest.fixture(scope='session')
def network():
    """Return an ADF classifier with random weights."""
    return build(adf())


@pytest.fixture
def folder(tmp_path, network):
    """Return its model folder."""
    folder = tmp_path / 'folder'
    folder.mkdir()
    save_file(network.state_dict(), folder / 'model.safetensors')
    (folder / 'config.json').write_text(json.dumps(content(adf())))
    return folder
