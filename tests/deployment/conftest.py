"""Small classifiers on the disk, as a training leaves them."""

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from mmadf.registry import MODELS
from tests.helpers import randomise

NORMALISE = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])
PIPELINE = [
    dict(type='LoadImageFromFile'),
    dict(type='ResizeEdge', scale=36, edge='short'),
    dict(type='CenterCrop', crop_size=32),
    dict(type='PackInputs'),
]


def backbone_cfg(**changes):
    """Return the first two stages of a ResNet-18 of 8 and 16 channels."""
    cfg = dict(
        type='ResNet_CIFAR',
        depth=18,
        stem_channels=8,
        base_channels=8,
        num_stages=2,
        strides=(1, 2),
        dilations=(1, 1),
        out_indices=(1,),
        style='pytorch',
    )
    return {**cfg, **changes}


@pytest.fixture(scope='session')
def write_files(tmp_path_factory):
    """Write config and checkpoint of a classifier with random weights."""

    def _write(model=None, pipeline=PIPELINE, std=0.4, meta=None, **preprocessor):
        slots = dict(
            type='ImageClassifier',
            backbone=backbone_cfg(),
            neck=dict(type='GlobalAveragePooling'),
            head=dict(type='LinearClsHead', num_classes=5, in_channels=16),
        )
        cfg = dict(
            default_scope='mmpretrain',
            model={**slots, **(model or {})},
            data_preprocessor={**NORMALISE, 'to_rgb': True, **preprocessor},
        )
        if pipeline is not None:
            dataset = dict(type='CustomDataset', data_root='nowhere', pipeline=pipeline)
            cfg['test_dataloader'] = dict(dataset=dataset)
        folder = tmp_path_factory.mktemp('files')
        config, checkpoint = str(folder / 'net.py'), str(folder / 'net.pth')
        Config(cfg).dump(config)
        torch.manual_seed(0)
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            network = randomise(MODELS.build(cfg['model']), std)
        torch.save(dict(state_dict=network.state_dict(), meta=meta or {}), checkpoint)
        return config, checkpoint

    return _write
