"""Small networks, configs and comparisons that several test files use."""

import struct
import zlib
from contextlib import contextmanager
from copy import deepcopy
from functools import partial
from typing import Iterator
from unittest import mock

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpretrain.structures import DataSample
from torch import nn

from mmadf.registry import MODELS

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


@contextmanager
def named(name) -> Iterator[None]:
    """Add a name to the message of any exception, for checks in a loop."""
    try:
        yield
    except (Exception, pytest.fail.Exception) as error:
        error.add_note(f'in the check of {name}')
        raise


def offline(cfg: Config) -> Config:
    """Return the config, changed in place so that its model downloads no weights."""
    cfg.model.pop('pretrained_branches', None)
    if cfg.model.backbone.get('pretrained'):
        cfg.model.backbone.pretrained = False
    return cfg


@contextmanager
def without_memory() -> Iterator[None]:
    """Build networks on the meta device: parameters have shapes, but no values."""
    # MMPretrain's networks read the values of their linspace.
    linspace = partial(torch.linspace, device='cpu')
    with torch.device('meta'), mock.patch('torch.linspace', linspace):
        yield


def build_without_memory(cfg: Config) -> nn.Module:
    """Build the model of a config on the meta device, without a download."""
    cfg = offline(deepcopy(cfg))
    with DefaultScope.overwrite_default_scope('mmpretrain'), without_memory():
        return MODELS.build({**cfg.model, 'data_preprocessor': cfg.data_preprocessor})


def samples(labels) -> list:
    """Return data samples with these labels."""
    return [DataSample().set_gt_label(int(label)) for label in labels]


def randomise(module: nn.Module, std: float = 0.5) -> nn.Module:
    """Set all parameters and running statistics to random values, none of them zero."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(0, std)
        for name, buffer in module.named_buffers():
            if name.endswith('running_var'):
                buffer.uniform_(0.5, 1.5)
            elif name.endswith('running_mean'):
                buffer.normal_()
    return module


def png_header(width: int, height: int) -> bytes:
    """Return a PNG of this size without its pixels."""
    header = struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)
    content = b'\x89PNG\r\n\x1a\n'
    for kind, data in ((b'IHDR', header), (b'IDAT', b''), (b'IEND', b'')):
        checksum = struct.pack('>I', zlib.crc32(kind + data))
        content += struct.pack('>I', len(data)) + kind + data + checksum
    return content
