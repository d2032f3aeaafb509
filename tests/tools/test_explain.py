import sys

import cv2
import numpy as np
import PIL.Image
import pytest
import torch
from mmengine.registry import DefaultScope

from mmadf.registry import MODELS
from tests.conftest import write_images
from tests.helpers import CHANNELS, adf_cfg, backbone_cfg, randomise

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
PLAIN = dict(
    type='ImageClassifier',
    backbone=backbone_cfg(),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='LinearClsHead', num_classes=5, in_channels=CHANNELS[-1]),
)

pytest.importorskip('captum')
pytest.importorskip('matplotlib')


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
def explain(tool, capsys):
    """Run the script here; return what it printed."""

    def _explain(*arguments):
        tool('analysis/explain.py', *arguments, '--device', 'cpu')
        return capsys.readouterr()

    return _explain


def pages_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob('*.html'))


@pytest.mark.slow
def test_every_readable_image_has_a_page_and_the_others_are_reported(
    network, explain, tmp_path
):
    images, out = write_images(tmp_path / 'images', 1, ['dark']), tmp_path / 'pages'
    cv2.imwrite(str(images / 'tiny.bmp'), np.full((1, 1), 100, np.uint8))
    (images / 'dark' / 'broken.jpg').write_bytes(b'broken')
    printed = explain(*network('adf', adf_cfg()), images, out)
    pages = ['dark/000.png.html', 'index.html', 'tiny.bmp.html']
    assert pages_in(out) == pages
    assert f'2 pages: {out}/index.html' in printed.out
    assert printed.out.count('skipped') == 1
    assert f'skipped: {images}/dark/broken.jpg: Unid' in printed.out
    assert 'gates: 100%' in printed.err and 'pages: 100%' in printed.err
    index = (out / 'index.html').read_text()
    assert 'href="dark/000.png.html"' in index and 'broken.jpg: Unid' in index
    page = (out / 'dark/000.png.html').read_text()
    assert 'href="../index.html"' in page and 'true class: <b>dark</b>' in page


def test_one_image_and_a_deployed_network(network, explain, tmp_path):
    image = write_images(tmp_path / 'images', 1) / 'dark' / '000.png'
    deployed = network('deployed', adf_cfg(deploy=dict()))
    explain(*deployed, image, tmp_path / 'pages')
    assert pages_in(tmp_path / 'pages') == ['000.png.html', 'index.html']


def test_a_plain_classifier_has_pages_without_gates(network, explain, tmp_path):
    images = write_images(tmp_path / 'images', 1, ['dark'])
    printed = explain(*network('plain', PLAIN), images, tmp_path / 'pages')
    page = (tmp_path / 'pages/dark/000.png.html').read_text()
    assert 'Evidence for the predicted class' in page
    assert 'Gate' not in page and 'gates' not in printed.err


def test_file_names_need_not_be_utf_8(network, explain, tmp_path):
    images = write_images(tmp_path / 'images', 1, ['dark'])
    (images / 'dark' / '000.png').rename(images / 'k\udce4se.png')
    (images / 'br\udcfccke.jpg').write_bytes(b'broken')
    printed = explain(*network('plain', PLAIN), images, tmp_path / 'pages')
    assert pages_in(tmp_path / 'pages') == ['index.html', 'k\udce4se.png.html']
    index = (tmp_path / 'pages' / 'index.html').read_text()
    assert 'href="k%E4se.png.html"' in index
    assert r'br\udcfccke.jpg: Unid' in index and r'br\udcfccke.jpg: Unid' in printed.out


def test_a_folder_of_unreadable_images_is_a_failure_that_writes_nothing(
    network, explain, tmp_path, capsys
):
    (tmp_path / 'images').mkdir()
    (tmp_path / 'images' / 'a.png').write_bytes(b'')
    with pytest.raises(SystemExit, match='1'):
        explain(*network('adf', adf_cfg()), tmp_path / 'images', tmp_path / 'pages')
    assert 'a.png: Unid' in capsys.readouterr().out
    assert not (tmp_path / 'pages').exists()


def test_only_an_index_of_the_tool_itself_is_overwritten(network, explain, tmp_path):
    plain, images = network('plain', PLAIN), write_images(tmp_path / 'images', 1)
    for _ in range(2):
        explain(*plain, images / 'dark/000.png', tmp_path / 'pages')
    index = tmp_path / 'pages' / 'index.html'
    index.write_text('a website')
    with pytest.raises(SystemExit, match='2'):
        explain(*plain, images, tmp_path / 'pages')
    assert index.read_text() == 'a website'


def test_images_of_a_network_of_several_labels_are_neither_right_nor_wrong(
    network, explain, tmp_path
):
    images = write_images(tmp_path / 'images', 1, ['dark'])
    head = dict(PLAIN['head'], type='MultiLabelLinearClsHead')
    explain(*network('labels', dict(PLAIN, head=head)), images, tmp_path / 'pages')
    assert 'true class' not in (tmp_path / 'pages/dark/000.png.html').read_text()
    assert '1 image; 1 without a known' in (tmp_path / 'pages/index.html').read_text()


def test_formats_that_only_the_decoder_of_the_pipeline_reads_have_pages(
    network, explain, tmp_path
):
    config, checkpoint = network('plain', PLAIN)
    text = config.read_text().replace(
        "'LoadImageFromFile'", "'LoadImageFromFile', imdecode_backend='pillow'"
    )
    extensions = "test_dataloader['dataset']['extensions'] = ('.tga',)\n"
    config.write_text(text + extensions)
    images = write_images(tmp_path / 'images', 1, ['dark'])
    PIL.Image.open(images / 'dark/000.png').save(images / 'dark/001.tga')
    explain(config, checkpoint, images, tmp_path / 'pages')
    pages = ['dark/000.png.html', 'dark/001.tga.html', 'index.html']
    assert pages_in(tmp_path / 'pages') == pages


def test_invalid_input_is_one_line_and_exit_code_2(network, explain, tmp_path, capsys):
    images = write_images(tmp_path / 'images', 1)
    adf, plain = network('adf', adf_cfg()), network('plain', PLAIN)
    untested = tmp_path / 'untested.py'
    untested.write_text(adf[0].read_text() + 'test_dataloader = None\n')
    for arguments, words in [
        ((adf[0], plain[1], images), 'does not fit the network'),
        ((untested, adf[1], images), 'has no test_dataloader'),
        ((*adf, tmp_path / 'lost'), 'lost does not exist'),
    ]:
        with pytest.raises(SystemExit, match='2'):
            explain(*arguments, tmp_path / 'pages')
        (line,) = capsys.readouterr().err.splitlines()[-1:]
        assert line.startswith('explain.py: error: ') and words in line
    assert not (tmp_path / 'pages').exists()


def test_an_unknown_device_is_one_line_and_exit_code_2(tool, capsys):
    with pytest.raises(SystemExit, match='2'):
        tool('analysis/explain.py', *('lost',) * 4, '--device', 'gone')
    (line,) = capsys.readouterr().err.splitlines()[-1:]
    assert "--device: 'gone' cannot be used: " in line


def test_a_missing_package_is_found_before_any_work(explain, monkeypatch, capsys):
    for name in ('captum.attr', 'matplotlib', 'tqdm'):
        with monkeypatch.context() as patch, pytest.raises(SystemExit, match='2'):
            patch.setitem(sys.modules, name, None)
            explain('lost.py', 'lost.pth', 'lost', 'out')
        assert 'pip install' in capsys.readouterr().err.splitlines()[-1]
