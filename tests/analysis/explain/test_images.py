import re

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from torch import nn
from torch.testing import assert_close

from mmadf.analysis.explain.images import (
    build_pipeline,
    class_of,
    find_images,
    read_image,
    to_batch,
)
from mmadf.registry import MODELS
from mmadf.weights.load import read_config
from tests.conftest import ROOT
from tests.helpers import named

NAMES = ['cat', 'dog']


def config(**dataset):
    pipeline = [
        dict(type='LoadImageFromFile'),
        dict(type='Resize', scale=(8, 6)),
        dict(type='PackInputs'),
    ]
    data = dict(type='CustomDataset', pipeline=pipeline, **dataset)
    return Config(dict(test_dataloader=dict(dataset=data)))


def write(path, shape, dtype=np.uint8):
    path.parent.mkdir(parents=True, exist_ok=True)
    top = np.iinfo(dtype).max
    pixels = np.random.default_rng(0).integers(0, top, shape, dtype=dtype)
    cv2.imwrite(str(path), pixels)
    return path


def test_images_of_all_subfolders_are_found_in_order(tmp_path):
    images = 'a/deep/3.tif', 'b/1.jpg', 'b/2.PNG', 'b/3.avif', 'b/4.gif', 'b/5.jfif'
    for name in (*reversed(images), 'notes.txt', 'b/1.jpg.pth'):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / 'folder.png').mkdir()
    found = [str(path.relative_to(tmp_path)) for path in find_images(tmp_path)]
    assert found == list(images)
    assert find_images(tmp_path / 'b/1.jpg') == [tmp_path / 'b/1.jpg']


def test_a_path_without_images_is_refused(tmp_path):
    for name, what in {'': 'contains no image', 'lost': 'does not exist'}.items():
        with pytest.raises(ValueError, match=f'images=.* {what}'):
            find_images(tmp_path / name)


def test_images_are_read_as_three_channels(tmp_path):
    shapes = dict(colour=(6, 8, 3), grey=(6, 8), transparent=(6, 8, 4))
    for kind, shape in shapes.items():
        path = write(tmp_path / 'a.png', shape)
        inputs = read_image(path, build_pipeline(config()))
        expected = torch.from_numpy(cv2.imread(str(path))).permute(2, 0, 1)
        with named(kind):
            assert torch.equal(inputs, expected)


def test_a_tiny_16_bit_image_passes_the_pipeline(tmp_path):
    path = write(tmp_path / 'a.png', (2, 5), np.uint16)
    inputs = read_image(path, build_pipeline(config()))
    assert inputs.shape == (3, 6, 8)
    assert inputs.dtype == torch.uint8


def test_an_unreadable_image_is_reported(tmp_path):
    path = write(tmp_path / 'a.png', (40, 40, 3))
    for content in (path.read_bytes()[:900], b''):
        path.write_bytes(content)
        with pytest.raises(ValueError, match='a.png: '):
            read_image(path, build_pipeline(config()))


@pytest.mark.parametrize(
    'wrap',
    [
        lambda dataset: dict(type='RepeatDataset', times=2, dataset=dataset),
        lambda dataset: dict(type='ConcatDataset', datasets=[dataset, dataset]),
    ],
)
def test_the_pipeline_of_a_wrapped_test_set_reads_images(wrap, tmp_path):
    path, cfg = write(tmp_path / 'a.png', (40, 40, 3)), config()
    expected = read_image(path, build_pipeline(cfg))
    cfg.test_dataloader.dataset = wrap(cfg.test_dataloader.dataset)
    assert torch.equal(read_image(path, build_pipeline(cfg)), expected)


@pytest.mark.parametrize('fields', [{}, dict(test_dataloader=dict(dataset=dict(a=1)))])
def test_a_config_without_test_pipeline_is_refused(fields):
    with pytest.raises(ValueError, match='no test_dataloader with a pipeline'):
        build_pipeline(Config(dict(model=dict(), **fields)))


def test_a_test_set_of_arrays_is_refused():
    cfg = read_config('mmadf::decoupled/tanh_cnn9_cifar100.py')
    match = (
        'tanh_cnn9_cifar100.* reads no image files; .*LoadImageFromFile.*to_rgb=True'
    )
    with pytest.raises(ValueError, match=match):
        build_pipeline(cfg)


def test_the_config_of_the_documentation_reads_files_as_the_arrays_of_cifar(tmp_path):
    text = (ROOT / 'docs' / 'explain.md').read_text()
    (lines,) = re.findall(r'```python\n(_base_.*?)```', text, re.DOTALL)
    (tmp_path / 'cifar.py').write_text(lines)
    cfg = read_config(str(tmp_path / 'cifar.py'))
    path = write(tmp_path / 'a.png', (32, 32, 3))
    rgb = torch.from_numpy(cv2.imread(str(path))[..., ::-1].copy()).permute(2, 0, 1)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        network = nn.Module()
        network.data_preprocessor = MODELS.build(
            dict(type='ClsDataPreprocessor', **cfg.data_preprocessor)
        )
    inputs = read_image(path, build_pipeline(cfg))
    assert_close(to_batch(network, inputs), (rgb[None] - 127.5) / 128)
    large = write(tmp_path / 'b.png', (40, 50, 3))
    assert read_image(large, build_pipeline(cfg)).shape == (3, 32, 32)


def test_the_folder_of_an_image_is_its_class_if_there_is_one(tmp_path, monkeypatch):
    assert class_of(tmp_path / 'dog/1.png', NAMES) == 1
    assert class_of(tmp_path / 'lynx/1.png', ['cat', 'catamount, lynx']) == 1
    assert class_of(tmp_path / 'crane/1.png', ['crane, bird', 'lift, crane']) is None
    assert class_of(tmp_path / 'mine/1.png', NAMES) is None
    (tmp_path / 'cat').mkdir()
    monkeypatch.chdir(tmp_path / 'cat')
    assert class_of(type(tmp_path)('1.png'), NAMES) == 0


def test_images_behind_links_belong_to_the_folder_of_the_link(tmp_path):
    (tmp_path / 'store/cat').mkdir(parents=True)
    (tmp_path / 'store/cat/1.png').write_bytes(b'')
    (tmp_path / 'set/dog').mkdir(parents=True)
    (tmp_path / 'set/dog/1.png').symlink_to(tmp_path / 'store/cat/1.png')
    (tmp_path / 'set/cat').symlink_to(tmp_path / 'store/cat')
    found = find_images(tmp_path / 'set')
    assert found == [tmp_path / 'set/cat/1.png', tmp_path / 'set/dog/1.png']
    assert [class_of(path, ['cat', 'dog']) for path in found] == [0, 1]
