import importlib.util
import pickle

import cv2
import numpy as np
import pytest
from mmengine.registry import DefaultScope
from mmpretrain.datasets import CIFAR100

from tests.conftest import ROOT

SCRIPT = ROOT / 'tools' / 'dataset_converters' / 'cifar100.py'
LABELS = dict(train=[2, 0, 1, 0, 99], test=[1, 3])


@pytest.fixture
def converter():
    spec = importlib.util.spec_from_file_location('cifar100', SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


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


def test_images_of_the_first_classes_are_written_as_they_are(
    converter, pixels, tmp_path
):
    root = tmp_path / 'out'
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        assert converter.write_classes(tmp_path / 'cifar', root, 2) == 4
    found = {str(p.relative_to(root)): cv2.imread(str(p)) for p in root.rglob('*.png')}
    expected = {
        'train/aquarium_fish/00002.png': pixels['train'][2],
        'train/apple/00001.png': pixels['train'][1],
        'train/apple/00003.png': pixels['train'][3],
        'test/aquarium_fish/00000.png': pixels['test'][0],
    }
    assert set(found) == set(expected)
    for name, rgb in expected.items():
        np.testing.assert_array_equal(found[name][..., ::-1], rgb)


def test_folder_that_exists_is_left_alone(converter, tmp_path):
    with pytest.raises(ValueError, match='exists; remove it or choose another'):
        converter.write_classes(tmp_path, tmp_path, 2)


def test_an_interrupted_run_leaves_nothing_under_the_name(
    converter, pixels, tmp_path, monkeypatch
):
    monkeypatch.setattr(cv2, 'imwrite', lambda *_: False)
    with (
        DefaultScope.overwrite_default_scope('mmpretrain'),
        pytest.raises(OSError, match='could not write'),
    ):
        converter.write_classes(tmp_path / 'cifar', tmp_path / 'out', 2)
    assert not (tmp_path / 'out').exists()
