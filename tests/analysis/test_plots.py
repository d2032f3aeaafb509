"""Names are shown as they are, and figures are refused before work is lost."""

import pytest
import torch

from mmadf.analysis import plots, spatial_maps
from mmadf.experiments.plots import plot_robustness_comparison
from tests.experiments.robustness.examples import ROWS

pytest.importorskip('matplotlib')
NAME = '$x^{$'  # no valid formula


def draw_curves(path):
    curve = [1, 2], [3.0, 4.0]
    plots.plot_learning_curves({NAME: curve}, {NAME: curve}, NAME, 'epoch', path)


def draw_maps(path):
    maps = spatial_maps.SpatialMaps(torch.rand(2, 3, 3), torch.rand(2, 3, 3))
    names = [NAME, 'b']
    spatial_maps.plot_spatial_maps(dict(head=maps), lambda _: names, (1, 2), path)


def draw_robustness(path):
    plot_robustness_comparison({NAME: [ROWS], 'b': [ROWS]}, path)


@pytest.mark.parametrize('draw', [draw_curves, draw_maps, draw_robustness])
def test_names_with_dollars_are_no_formulas(draw, tmp_path):
    draw(tmp_path / 'out.png')
    assert (tmp_path / 'out.png').read_bytes().startswith(b'\x89PNG')


def test_a_file_that_is_no_image_is_refused(tmp_path):
    (tmp_path / 'folder.png').mkdir()
    for name in ('out', 'out.docx', 'folder.png'):
        with pytest.raises(ValueError, match=rf'{name}.* must be .*\*\.png'):
            plots.check_figure(tmp_path / name)
    plots.check_figure(tmp_path / 'new' / 'out.PNG')
    assert not (tmp_path / 'new').exists()
