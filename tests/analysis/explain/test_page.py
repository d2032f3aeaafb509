from unittest import mock

import cv2
import numpy as np
import pytest
import torch
from torch.nn import functional as F
from torch.testing import assert_close

from mmadf.analysis.explain.evidence import Evidence
from mmadf.analysis.explain.explanation import Explanation, GateView
from mmadf.analysis.explain.gate_mean import mean_gates
from mmadf.analysis.explain.page import Page, draw_page, to_rgb

pytest.importorskip('matplotlib')

CLASSES = ['ant', 'bee', 'cow', 'dog', 'elk, wapiti', 'a$b$c']
SCORES = torch.tensor([0.02, 0.5, 0.1, 0.07, 0.3, 0.01])
GREEN = '7fc97f'


def view(gate='element', weight=None):
    weight = torch.rand(8, 3, 2) if weight is None else weight
    return GateView((0, 1), 3, gate, weight, torch.rand(3, 2), 0.5)


def explanation(gates=(), without=()):
    evidence = dict(
        appearance=Evidence(SCORES.flip(0), torch.rand(3, 2)),
        semantic=Evidence(SCORES.roll(1), torch.zeros(3, 2)),
        fused=Evidence(SCORES, torch.rand(3, 2)),
    )
    evidence = {name: e for name, e in evidence.items() if name not in without}
    return Explanation(evidence, list(gates), SCORES)


def draw(folder, found, truth='dog', size=(12, 8), means=()):
    """Draw a page; return the figure, its texts and the image file."""
    from matplotlib import pyplot

    image = 255 * torch.rand(3, *size)
    page = Page(image, 'x$y$.png', truth, found, CLASSES, means)
    out = folder / 'new' / 'page.png'
    with mock.patch.object(pyplot, 'close'):
        draw_page(page, out)
    figure = pyplot.gcf()
    pyplot.close(figure)
    texts = [text.get_text() for text in figure.findobj(pyplot.Text)]
    return figure, texts, cv2.imread(str(out))


def count_of(words, texts):
    return sum(words in text.replace('\n', ' ') for text in texts)


@pytest.fixture(scope='module')
def drawn(tmp_path_factory):
    """Return an explanation with one gate, and its page."""
    found = explanation([view()])
    return found, *draw(tmp_path_factory.mktemp('page'), found)


def bars_of(figure):
    """Return the fields with bars, as lists of texts and as colours."""
    from matplotlib.colors import to_hex

    fields = [axes for axes in figure.axes if len(axes.patches) == 5]
    texts = [[text.get_text() for text in axes.texts] for axes in fields]
    colors = [[to_hex(p.get_facecolor()) for p in axes.patches] for axes in fields]
    return texts, colors


def test_bars_are_the_five_most_probable_classes_and_the_true_one_is_green(drawn):
    texts, colors = bars_of(drawn[1])
    assert len(texts) == 3
    fused = ['bee', '50%', 'elk', '30%', 'cow', '10%', 'dog', '7%', 'ant', '2%']
    assert texts[2] == fused
    assert texts[0][:4] == ['elk', '50%', 'bee', '30%']
    assert texts[1][:4] == ['cow', '50%', 'a$b$c', '30%']
    assert [color == f'#{GREEN}' for color in colors[2]] == [*[False] * 3, True, False]


def test_the_headline_gives_prediction_and_truth(drawn):
    texts = drawn[2]
    assert any('prediction: bee (50%)   –   true class: dog' in text for text in texts)
    assert any(text.startswith('x$y$.png') for text in texts)


def test_dollar_signs_in_names_are_no_mathematics(drawn):
    from matplotlib.text import Text

    texts = [text for text in drawn[1].findobj(Text) if '$' in text.get_text()]
    assert len(texts) > 1
    assert not any(text.get_parse_math() for text in texts)


def test_heat_maps_cover_the_image_interpolated(drawn):
    found, figure, _, _ = drawn
    (gate,) = found.gates
    shown = [axes.images[1].get_array().data for axes in figure.axes[1:] if axes.images]
    maps = [evidence.cam for evidence in found.evidence.values()]
    maps += [gate.weight.mean(0), gate.gated / 0.5]
    for values in maps:
        size = dict(size=(12 * 17, 8 * 17), mode='bilinear')
        expected = F.interpolate(values[None, None], **size)[0, 0].numpy()
        assert sum(np.allclose(expected, array, atol=1e-6) for array in shown) == 1


def test_a_spatial_gate_is_a_heat_map_and_explained(drawn):
    found, _, texts, image = drawn
    assert image.shape == (int(80 * (6.2 + 3.7)), 1080, 3)
    mean = 100 * found.gates[0].weight.mean()
    assert count_of(f'Gate weight mean {mean:.3g}%', texts) == 1
    assert texts.count('mean over channels') == 1  # of the colour bar
    assert count_of('Mapper 1 of 1: appearance stages 0 and 1 into', texts) == 1
    assert count_of('Gates, from left to right', texts) == 1
    assert count_of('give a folder of several images', texts) == 1


def test_weights_have_a_fixed_scale_beside_their_mean_and_the_difference(tmp_path):
    """A pattern that all images share does not appear as a difference."""
    pattern = torch.tensor([[0.50, 0.52], [0.54, 0.56]])
    change = torch.tensor([[0.01, 0.0], [0.0, 0.0]])
    weights = [pattern + change, pattern - change]
    (mean,) = mean_gates([[weight] for weight in weights])
    assert_close(mean.mean, pattern)
    assert mean.limit == pytest.approx(0.01)
    gate = view(weight=weights[0].expand(8, 2, 2))
    figure, texts, _ = draw(tmp_path, explanation([gate]), means=[mean])
    drawn_on = [axes for axes in figure.axes if axes.images]
    shown = {axes.get_title().split('\n')[0]: axes.images[-1] for axes in drawn_on}
    limits = {title: image.get_clim() for title, image in shown.items()}
    assert limits['Gate weight'] == limits['Mean of 2 images'] == (0, 1)
    assert limits['Difference of this image'] == pytest.approx((-0.01, 0.01))
    drawn = shown['Difference of this image'].get_array()
    assert drawn.max() == pytest.approx(0.01, rel=1e-4)
    assert abs(drawn[-1, -1]) < 1e-6
    # Variance of the pattern 5e-4; of all maps 5e-4 + 0.01 ** 2 / 4.
    assert mean.shared == pytest.approx(5e-4 / 5.25e-4)
    assert count_of('95% of the variance', texts) == 1


def test_there_is_no_mean_of_one_image_of_other_sizes_or_of_a_shared_weight():
    assert mean_gates([[torch.rand(2, 2)]]) == [None]
    assert (
        mean_gates([[torch.rand(2, 2), None], [torch.rand(2, 3), None]]) == [None] * 2
    )


def test_gates_shared_by_all_positions_are_a_number_and_a_histogram(tmp_path):
    layer = view('layer', torch.full((1, 1, 1), 0.62))
    channel = view('channel', torch.full((8, 1, 1), 0.3))
    figure, texts, image = draw(tmp_path, explanation([layer, channel]))
    assert image.shape == (int(80 * (6.2 + 2 * 3.7)), 1080, 3)
    for words in ('62%', 'one learned value', 'mean 30%', 'channels (of 8)'):
        assert any(words in text for text in texts), words
    assert texts.count('mean over channels') == 0
    bars = [len(axes.patches) for axes in figure.axes if len(axes.patches) == 20]
    assert bars == [20]
    assert count_of('all positions the same weight', texts) == 2


def test_a_page_without_gates_and_truth_of_an_image_of_extreme_size(tmp_path):
    found = explanation()
    _, texts, image = draw(tmp_path, found, truth=None, size=(1, 300))
    assert image.shape == (int(80 * 6.2), 1080, 3)
    assert count_of('true class', texts) == count_of('green', texts) == 0
    assert count_of('Gates, from left to right', texts) == 0
    assert len(np.unique(image.reshape(-1, 3), axis=0)) > 50


def test_absent_parts_are_explained(tmp_path):
    found = explanation([view()], without=['appearance', 'semantic'])
    figure, texts, _ = draw(tmp_path, found)
    assert count_of('no appearance head', texts) == 1
    assert count_of('has no mappers', texts) == 1
    assert len(bars_of(figure)[0]) == 1


def test_bgr_grey_and_floats_become_rgb_bytes():
    bgr = torch.randint(256, (3, 4, 5), dtype=torch.uint8)
    rgb = to_rgb(bgr, (6, 5))
    assert torch.equal(rgb[:, :4], bgr[[2, 1, 0]].float())
    assert rgb.shape == (3, 6, 5)
    assert rgb[:, 4:].abs().sum() == 0
    grey = torch.randint(256, (1, 4, 5), dtype=torch.uint8)
    assert torch.equal(to_rgb(grey, (4, 5)), grey.float().repeat(3, 1, 1))
    stretched = to_rgb(torch.tensor([[[-1.0, 0.0, 1.0]]]), (1, 3))
    assert stretched[1, 0].tolist() == [0, 127.5, 255]
    assert to_rgb(torch.full((3, 2, 2), 7.0), (2, 2)).sum() == 0
