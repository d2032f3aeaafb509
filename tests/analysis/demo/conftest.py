"""A small network as the demo gets it, and images to upload."""

import socket
from functools import partial

import cv2
import mmpretrain
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from mmadf.analysis.demo import Answers, DemoNetwork
from mmadf.analysis.explain import build_pipeline
from mmadf.weights.load import class_names
from tests.helpers import CHANNELS, adf_cfg, backbone_cfg, randomise

CLASSES = ('dark', 'light', '<b>grey</b>', 'red', 'blue')
PLAIN = dict(
    type='ImageClassifier',
    backbone=backbone_cfg(),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='LinearClsHead', num_classes=5, in_channels=CHANNELS[-1]),
)
PIPELINE = [
    dict(type='LoadImageFromFile'),
    dict(type='ResizeEdge', scale=40, edge='short'),
    dict(type='CenterCrop', crop_size=32),
    dict(type='PackInputs'),
]


def build_network(model=None, classes=CLASSES, pipeline=PIPELINE) -> DemoNetwork:
    """Return a network for the demo, an ADF network unless `model` is a config."""
    cfg = Config(
        dict(
            default_scope='mmpretrain',
            model=model or adf_cfg(),
            data_preprocessor=dict(num_classes=5, mean=[127.5] * 3, std=[127.5] * 3),
            test_dataloader=dict(dataset=dict(type='CustomDataset', pipeline=pipeline)),
        )
    )
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        built = randomise(mmpretrain.get_model(cfg), std=0.1).eval()
    names = partial(class_names, cfg, dict(CLASSES=classes))
    return DemoNetwork(built, build_pipeline(cfg), names)


@pytest.fixture(scope='session')
def network():
    torch.manual_seed(0)
    return build_network()


@pytest.fixture
def photo(tmp_path):
    """Return the path of a photograph: red above, blue below, with noise."""
    return write_photo(tmp_path / 'photo.png')


def write_photo(path, seed=0):
    noise = np.random.default_rng(seed)
    image = noise.integers(0, 60, (48, 64, 3), np.uint8)
    image[:24, :, 2] += 190
    image[24:, :, 0] += 190
    cv2.imwrite(str(path), image)
    return path


@pytest.fixture(scope='session')
def answers(network):
    return Answers(network)


def free_port() -> int:
    """Return a free port of this computer."""
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]
