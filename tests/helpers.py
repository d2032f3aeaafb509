"""Configs and comparisons that several test files use."""

from contextlib import contextmanager
from functools import partial
from typing import Iterator
from unittest import mock

import torch
from mmengine.config import Config
from mmpretrain.structures import DataSample

CHANNELS = (8, 16, 32, 64)


def backbone_cfg(**changes) -> dict:
    """Return a ResNet-18 of 8 to 64 channels."""
    cfg = dict(
        type='ResNet_CIFAR',
        depth=18,
        stem_channels=8,
        base_channels=8,
        out_indices=(3,),
        style='pytorch',
    )
    return {**cfg, **changes}


def adf_cfg(**changes) -> dict:
    """Return a small ADF classifier of 5 classes."""
    cfg = dict(
        type='mmadf.ADFClassifier',
        backbone=backbone_cfg(),
        mapper=dict(type='Mapper', sources=(0, 1)),
        neck=dict(type='GlobalAveragePooling'),
        head=dict(type='LinearClsHead', num_classes=5, in_channels=CHANNELS[-1]),
    )
    return {**cfg, **changes}


def offline(cfg: Config) -> Config:
    """Return a config whose model is built without a download of weights."""
    cfg.model.pop('pretrained_branches', None)
    if cfg.model.backbone.get('pretrained'):
        cfg.model.backbone.pretrained = False
    return cfg


@contextmanager
def without_memory() -> Iterator[None]:
    """Build networks whose parameters have a shape and no values, in no time."""
    # ResNet reads the values of this one.
    linspace = partial(torch.linspace, device='cpu')
    with torch.device('meta'), mock.patch('torch.linspace', linspace):
        yield


def samples(labels) -> list:
    """Return data samples with these labels."""
    return [DataSample().set_gt_label(int(label)) for label in labels]


def randomise(module: torch.nn.Module, std: float = 0.5) -> torch.nn.Module:
    """Draw every parameter and running statistic anew, so that none is zero."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(0, std)
        for name, buffer in module.named_buffers():
            if name.endswith('running_var'):
                buffer.uniform_(0.5, 1.5)
            elif name.endswith('running_mean'):
                buffer.normal_()
    return module
