"""The converter of the photographs that other packages contain."""

import cv2
import numpy as np
import pytest

from tests.scripts import call_script

SCRIPT = 'tools/dataset_converters/photographs.py'


def test_photographs_are_those_of_the_packages(monkeypatch, capsys, tmp_path):
    data = pytest.importorskip('skimage.data')
    load_sample_image = pytest.importorskip('sklearn.datasets').load_sample_image
    folder = tmp_path / 'photographs'
    code, printed, _ = call_script(monkeypatch, capsys, SCRIPT, folder)
    assert (code, printed) == (0, f'6 photographs in {folder}\n')
    expected = {
        'cat.png': data.chelsea(),
        'espresso.png': data.coffee(),
        'rocket.jpg': data.rocket(),
        'astronaut.png': data.astronaut(),
        'pavilion.jpg': load_sample_image('china.jpg'),
        'flower.jpg': load_sample_image('flower.jpg'),
    }
    assert {path.name for path in folder.iterdir()} == set(expected)
    for name, pixels in expected.items():
        found = cv2.imread(str(folder / name))[..., ::-1].astype(int)
        assert np.abs(found - pixels).mean() < 1, name  # JPEG decoders differ

    code, _, errors = call_script(monkeypatch, capsys, SCRIPT, folder)
    assert code == 2 and f'{folder} exists' in errors
