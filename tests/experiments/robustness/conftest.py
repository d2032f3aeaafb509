"""A small network with test images."""

import pytest
import torch
from mmengine.registry import DefaultScope

from mmadf.registry import MODELS
from tests.conftest import write_images
from tests.helpers import CHANNELS, backbone_cfg, randomise

CONFIG = """
default_scope = 'mmpretrain'
custom_imports = dict(imports=['mmadf'], allow_failed_imports=False)
model = {model}
data_preprocessor = dict(mean=[120.0] * 3, std=[60.0] * 3, to_rgb=True)
test_dataloader = dict(
    dataset=dict(
        type='CustomDataset',
        data_root='{data}',
        pipeline=[dict(type='LoadImageFromFile'), dict(type='PackInputs')],
    )
)
"""


@pytest.fixture
def trained(tmp_path):
    """Return config and checkpoint of a network of two classes, 32 pixels."""
    data = write_images(tmp_path / 'images', per_class=5, size=32)
    model = dict(
        type='ImageClassifier',
        backbone=backbone_cfg(),
        neck=dict(type='GlobalAveragePooling'),
        head=dict(type='LinearClsHead', num_classes=2, in_channels=CHANNELS[-1]),
    )
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        weights = randomise(MODELS.build(model), std=0.1).state_dict()
    config, checkpoint = tmp_path / 'net.py', tmp_path / 'net.pth'
    config.write_text(CONFIG.format(model=model, data=data))
    torch.save(dict(state_dict=weights), checkpoint)
    return config, checkpoint
