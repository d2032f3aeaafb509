"""The converter of CIFAR-100 writes evenly spaced classes, all or nothing."""

import pickle

import cv2
import numpy as np
import pytest
from mmengine.registry import DefaultScope
from mmpretrain.datasets import CIFAR100

from tests.scripts import call_script

LABELS = dict(train=[2, 0, 50, 0, 99], test=[50, 3])


@pytest.fixture
def convert(monkeypatch, capsys, tmp_path):
    """Write two classes to `out`; return exit code, output and errors."""

    def _convert(*options):
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            path = 'tools/dataset_converters/cifar100.py'
            folders = tmp_path / 'cifar', tmp_path / 'out'
            return call_script(monkeypatch, capsys, path, *folders, *options)

    return _convert


@pytest.fixture
def pixels(tmp_path, monkeypatch):
    """Write seven images as CIFAR-100 is published; return RGB pixels by split."""
    draw, found = np.random.default_rng(0), {}
    for split, labels in LABELS.items():
        data = draw.integers(0, 256, (len(labels), 3, 32, 32), dtype=np.uint8)
        content = pickle.dumps(
            dict(data=data.reshape(len(labels), -1), fine_labels=labels)
        )
        path = tmp_path / 'cifar' / CIFAR100.base_folder / split
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        found[split] = data.transpose(0, 2, 3, 1)
    monkeypatch.setattr(CIFAR100, '_check_integrity', lambda self: True)
    return found


def test_evenly_spaced_classes_are_written_unchanged(convert, pixels, tmp_path):
    assert convert('--classes', 2)[:2] == (
        0,
        f'4 images of 2 classes in {tmp_path / "out"}\n',
    )
    root = tmp_path / 'out'
    found = {str(p.relative_to(root)): cv2.imread(str(p)) for p in root.rglob('*.png')}
    expected = {
        'train/mouse/00002.png': pixels['train'][2],
        'train/apple/00001.png': pixels['train'][1],
        'train/apple/00003.png': pixels['train'][3],
        'test/mouse/00000.png': pixels['test'][0],
    }
    assert set(found) == set(expected)
    for name, rgb in expected.items():
        np.testing.assert_array_equal(found[name][..., ::-1], rgb)


def test_existing_folder_and_invalid_class_count_are_refused(convert, tmp_path):
    code, _, errors = convert('--classes', 101)
    assert code == 2 and '--classes 101' in errors
    (tmp_path / 'out').mkdir()
    code, _, errors = convert()
    assert code == 2 and f'{tmp_path / "out"} exists' in errors


def test_failed_conversion_leaves_no_folder(convert, pixels, tmp_path, monkeypatch):
    def _fail(*_):
        raise OSError('disk full')

    monkeypatch.setattr('mmcv.imwrite', _fail)
    with pytest.raises(OSError, match='disk full'):
        convert()
    assert not (tmp_path / 'out').exists()


def test_folder_with_missing_images_does_not_appear(
    convert, pixels, tmp_path, monkeypatch
):
    monkeypatch.setattr('mmcv.imwrite', lambda *_: True)
    with pytest.raises(OSError, match='out.partial holds 0 of 7 images'):
        convert('--classes', 100)
    assert not (tmp_path / 'out').exists()
