import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope

from mmadf.registry import MODELS
from tests.helpers import CHANNELS, backbone_cfg

pytest.importorskip('matplotlib')

HEAD = dict(
    type='WiseSrNetHead', num_classes=5, in_channels=CHANNELS[-1], map_size=(6, 4)
)
GAP = dict(pooling='mean', pool_size=None, constraint=None)
SCRIPT = 'analysis/spatial_maps.py'


@pytest.fixture
def files(tmp_path):
    """Write config and checkpoint of a network; return their paths."""

    def _files(name, **changes):
        cfg = dict(
            type='ImageClassifier', backbone=backbone_cfg(), head={**HEAD, **changes}
        )
        config, checkpoint = tmp_path / f'{name}.py', tmp_path / f'{name}.pth'
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            torch.save(dict(state_dict=MODELS.build(cfg).state_dict()), checkpoint)
        config.write_text(f"default_scope = 'mmpretrain'\nmodel = {cfg}\n")
        return config, checkpoint

    return _files


@pytest.mark.slow
def test_the_figure_has_a_column_for_each_class(tool, files, tmp_path, capsys):
    out = tmp_path / 'new' / 'maps.png'
    tool(SCRIPT, *files('net'), out, '--channels', '2', '--classes', '4')
    assert f'head: {out}' in capsys.readouterr().out
    figure = cv2.imread(str(out))
    assert figure.shape[1] == 1680
    assert len(np.unique(figure[::4, ::4].reshape(-1, 3), axis=0)) > 20


def test_invalid_input_is_one_line_and_exit_code_2(tool, files, tmp_path, capsys):
    config, checkpoint = files('net')
    other, gap = files('gap', **GAP)
    for arguments, words in [
        ((config, gap), 'gap.pth'),
        ((other, gap), 'no WiseSrNetHead or WiseSrNetPooling'),
        ((config, checkpoint, '--classes', '-1'), '--classes -1'),
        (('lost.py', checkpoint), 'lost.py'),
    ]:
        with pytest.raises(SystemExit, match='2'):
            tool(SCRIPT, *arguments[:2], tmp_path / 'maps.png', *arguments[2:])
        assert words in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / 'maps.png').exists()
