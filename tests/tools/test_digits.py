import collections

import cv2
from sklearn.datasets import load_digits

from tests.conftest import ROOT

SCRIPT = ROOT / 'tools/dataset_converters/digits.py'


def test_digits_are_written_once_and_completely(python, tmp_path):
    root = tmp_path / 'digits'
    python(SCRIPT, root)
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

    before = paths[0].stat().st_mtime_ns
    assert 'kept' in python(SCRIPT, root).stdout
    assert paths[0].stat().st_mtime_ns == before
    paths[0].unlink()
    broken = python(SCRIPT, root, check=False)
    assert broken.returncode == 2
    assert 'holds 1796 of 1797 digits; remove that folder' in broken.stderr
