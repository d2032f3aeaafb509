"""Figures that scripts in docs/figures draw without a network are up to date."""

import runpy
from xml.etree import ElementTree

import pytest

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
