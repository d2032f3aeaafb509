"""The converter of scikit-learn's digits."""

import collections
from contextlib import contextmanager

import cv2
import pytest

from tests.scripts import call_script

SCRIPT = 'tools/dataset_converters/digits.py'


def test_digits_are_written_once_and_completely(tmp_path, monkeypatch, capsys):
    load_digits = pytest.importorskip('sklearn.datasets').load_digits
    root = tmp_path / 'digits'
    assert call_script(monkeypatch, capsys, SCRIPT, root)[0] == 0
    paths = sorted(root.glob('*/*/*.png'))
    counts = collections.Counter(p.parts[-3] for p in paths)
    assert counts == dict(train=1293, val=144, test=360)
    per_class = collections.Counter(p.parent.name for p in root.glob('test/*/*.png'))
    assert set(per_class.values()) <= {35, 36, 37}
    digits = load_digits()
    for path in paths[::100]:
        image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        index = int(path.stem)
        assert digits.target[index] == int(path.parent.name)
        assert abs(image / (255 / 16) - digits.images[index]).max() < 0.05

    aside = root.rename(tmp_path / 'aside')

    @contextmanager
    def _wait_for_another_process(*_, **__):
        (tmp_path / 'digits.partial').mkdir()
        aside.rename(root)
        yield

    with monkeypatch.context() as patch:
        patch.setattr('mmadf.utils.files.locked_folder', _wait_for_another_process)
        code, printed, _ = call_script(patch, capsys, SCRIPT, root)
    assert code == 0 and f'{root} already holds all 1797 digits' in printed

    before = paths[0].stat().st_mtime_ns
    code, printed, _ = call_script(monkeypatch, capsys, SCRIPT, root)
    assert code == 0 and f'{root} already holds all 1797 digits' in printed
    assert paths[0].stat().st_mtime_ns == before
    paths[0].unlink()
    code, _, errors = call_script(monkeypatch, capsys, SCRIPT, root)
    assert code == 2
    assert errors.startswith(f'digits.py: error: {root} holds 1796 of 1797 digits')


def test_folder_with_missing_digits_does_not_appear(tmp_path, monkeypatch, capsys):
    pytest.importorskip('sklearn.datasets')
    monkeypatch.setattr('mmcv.imwrite', lambda *_: True)
    with pytest.raises(OSError, match='digits.partial holds 0 of 1797 digits'):
        call_script(monkeypatch, capsys, SCRIPT, tmp_path / 'digits')
    assert not (tmp_path / 'digits').exists()
