import re
import runpy
import sys

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope

from mmadf.registry import MODELS
from tests.conftest import ROOT, write_images
from tests.helpers import CHANNELS, adf_cfg, backbone_cfg, randomise

SCRIPT = ROOT / 'tools/analysis/explain.py'
CLASSES = ('dark', 'light', 'grey', 'red', 'blue')
CONFIG = """
default_scope = 'mmpretrain'
model = {model}
data_preprocessor = dict(num_classes=5, mean=[127.5] * 3, std=[127.5] * 3)
pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=32),
    dict(type='PackInputs'),
]
test_dataloader = dict(dataset=dict(type='CustomDataset', pipeline=pipeline))
"""

pytest.importorskip('captum')


@pytest.fixture
def network(tmp_path):
    """Write config and checkpoint of a classifier; return their paths."""

    def _network(name, model):
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            weights = randomise(MODELS.build(model), std=0.2).state_dict()
        config, checkpoint = tmp_path / f'{name}.py', tmp_path / f'{name}.pth'
        config.write_text(CONFIG.format(model=model))
        meta = dict(dataset_meta=dict(classes=CLASSES))
        torch.save(dict(meta=meta, state_dict=weights), checkpoint)
        return config, checkpoint

    return _network


@pytest.fixture
def explain(monkeypatch, capsys):
    """Run the script here; return what it printed."""

    def _explain(*arguments):
        arguments = [str(argument) for argument in arguments]
        monkeypatch.setattr(sys, 'argv', [str(SCRIPT), *arguments, '--device', 'cpu'])
        runpy.run_path(str(SCRIPT), run_name='__main__')
        return capsys.readouterr()

    return _explain


def pages_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob('*.png'))


def test_every_readable_image_has_a_page_and_the_others_are_named(
    network, explain, tmp_path
):
    images, out = write_images(tmp_path / 'images', 1), tmp_path / 'pages'
    cv2.imwrite(str(images / 'grey.png'), np.full((5, 9), 100, np.uint8))
    cv2.imwrite(str(images / 'tiny.bmp'), np.full((1, 1, 3), 100, np.uint8))
    (images / 'light' / 'spoilt.jpg').write_bytes(b'spoilt')
    printed = explain(*network('adf', adf_cfg()), images, out)
    expected = ['dark/000.png', 'grey.png', 'light/000.png', 'tiny.bmp']
    assert pages_in(out) == [f'{name}.png' for name in expected]
    assert f'4 pages: {out}' in printed.out
    assert printed.out.count('left out') == 1
    assert f'cannot be read: {images}/light/spoilt.jpg: Unid' in printed.out
    assert '5/5' in printed.err
    assert cv2.imread(str(out / 'grey.png.png')).std() > 10


def test_one_image_and_a_deployed_network(network, explain, tmp_path):
    image = write_images(tmp_path / 'images', 1) / 'dark' / '000.png'
    deployed = network('deployed', adf_cfg(deploy=dict()))
    explain(*deployed, image, tmp_path / 'pages')
    assert pages_in(tmp_path / 'pages') == ['000.png.png']


def test_a_folder_of_spoilt_images_is_a_failure(network, explain, tmp_path):
    (tmp_path / 'images').mkdir()
    (tmp_path / 'images' / 'a.png').write_bytes(b'')
    with pytest.raises(SystemExit, match='1'):
        explain(*network('adf', adf_cfg()), tmp_path / 'images', tmp_path / 'pages')


def test_another_classifier_or_checkpoint_is_refused(
    network, explain, tmp_path, capsys
):
    images = write_images(tmp_path / 'images', 1)
    head = dict(type='LinearClsHead', num_classes=5, in_channels=CHANNELS[-1])
    neck = dict(type='GlobalAveragePooling')
    plain = dict(type='ImageClassifier', backbone=backbone_cfg(), neck=neck, head=head)
    config, checkpoint = network('plain', plain)
    with pytest.raises(SystemExit, match='2'):
        explain(config, checkpoint, images, tmp_path / 'pages')
    assert 'got a ImageClassifier' in capsys.readouterr().err
    config, _ = network('adf', adf_cfg())
    with pytest.raises(SystemExit, match='2'):
        explain(config, checkpoint, images, tmp_path / 'pages')
    assert re.search('of this config.* Missing key', capsys.readouterr().err)
    assert not (tmp_path / 'pages').exists()
