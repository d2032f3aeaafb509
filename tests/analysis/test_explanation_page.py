import cv2
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mmadf.analysis.explain.evidence import Reading
from mmadf.analysis.explain.explanation import Explanation, GateView
from mmadf.analysis.explain.page import Page, draw_page, to_rgb

pytest.importorskip('matplotlib')

CLASSES = ['ant', 'bee', 'cow', 'dog', 'elk, wapiti', 'a$b$c']
SCORES = torch.tensor([0.02, 0.5, 0.1, 0.07, 0.3, 0.01])
GREEN = '7fc97f'


def view(granularity='element', opening=None):
    opening = torch.rand(8, 3, 2) if opening is None else opening
    return GateView((0, 1), 3, granularity, opening, torch.rand(3, 2), 0.5)


def explanation(gates=(), without=()):
    readings = dict(
        appearance=Reading(SCORES.flip(0), torch.rand(3, 2)),
        semantic=Reading(SCORES.roll(1), torch.zeros(3, 2)),
        fused=Reading(SCORES, torch.rand(3, 2)),
    )
    readings = {name: r for name, r in readings.items() if name not in without}
    return Explanation(readings, list(gates), SCORES)


@pytest.fixture
def draw(tmp_path, monkeypatch):
    """Draw a page; return its axes, texts and the picture."""
    from matplotlib import pyplot

    def _draw(found, truth='dog', size=(12, 8)):
        monkeypatch.setattr(pyplot, 'close', lambda figure: None)
        page = Page(255 * torch.rand(3, *size), 'x$y$.png', truth, found, CLASSES)
        out = tmp_path / 'new' / 'page.png'
        draw_page(page, out)
        figure = pyplot.gcf()
        monkeypatch.undo()
        pyplot.close(figure)
        texts = [text.get_text() for text in figure.findobj(pyplot.Text)]
        return figure, texts, cv2.imread(str(out))

    return _draw


def bars_of(figure):
    """Return the fields with bars, as lists of texts and as colours."""
    from matplotlib.colors import to_hex

    fields = [axes for axes in figure.axes if len(axes.patches) == 5]
    texts = [[text.get_text() for text in axes.texts] for axes in fields]
    colors = [[to_hex(p.get_facecolor()) for p in axes.patches] for axes in fields]
    return texts, colors


def test_bars_are_the_five_likeliest_with_names_and_the_true_one_green(draw):
    figure, _, _ = draw(explanation([view()]))
    texts, colors = bars_of(figure)
    assert len(texts) == 3
    fused = ['bee', '50%', 'elk', '30%', 'cow', '10%', 'dog', '7%', 'ant', '2%']
    assert texts[2] == fused
    assert texts[0][:4] == ['elk', '50%', 'bee', '30%']
    assert texts[1][:4] == ['cow', '50%', r'a\$b\$c', '30%']
    assert [color == f'#{GREEN}' for color in colors[2]] == [*[False] * 3, True, False]


def test_the_headline_tells_answer_and_truth(draw):
    _, texts, _ = draw(explanation())
    assert any('says: bee, 50%   –   it is: dog' in text for text in texts)
    assert any(text.startswith(r'x\$y\$.png') for text in texts)
    _, texts, _ = draw(explanation(), truth=None)
    assert not any('it is' in text or 'green' in text for text in texts)


def test_maps_lie_over_the_image_upsampled(draw):
    gate = view()
    found = explanation([gate])
    figure, _, _ = draw(found)
    shown = [axes.images[1].get_array().data for axes in figure.axes[1:] if axes.images]
    maps = [reading.cam for reading in found.readings.values()]
    maps += [gate.opening.mean(0), gate.arriving / 0.5]
    for places in maps:
        size = dict(size=(12 * 17, 8 * 17), mode='bilinear')
        expected = F.interpolate(places[None, None], **size)[0, 0].numpy()
        assert sum(np.allclose(expected, array, atol=1e-6) for array in shown) == 1


@pytest.mark.parametrize(
    ('granularity', 'opening', 'words'),
    [
        ('layer', torch.full((1, 1, 1), 0.62), ['62%', 'one learned number']),
        ('channel', torch.full((8, 1, 1), 0.3), ['30% on average', 'of 8 feature ch']),
        ('spatial', torch.full((1, 3, 2), 0.5), ['50% on average', 'more open']),
        ('element', torch.full((8, 3, 2), 0.25), ['25% on average', 'more open']),
    ],
)
def test_gates_are_shown_as_what_they_are(draw, granularity, opening, words):
    figure, texts, _ = draw(explanation([view(granularity, opening)]))
    for word in words:
        assert any(word in text for text in texts), word
    has_map = granularity in ('spatial', 'element')
    assert any('more open' in text for text in texts) == has_map
    bars = [len(axes.patches) for axes in figure.axes if len(axes.patches) == 20]
    assert bars == ([20] if granularity == 'channel' else [])


@pytest.mark.parametrize('count', [0, 1, 2])
def test_a_page_grows_with_its_gates_and_explains_them_once(draw, count):
    _, texts, picture = draw(explanation([view() for _ in range(count)]))
    assert picture.shape == (int(80 * (6.2 + 3.7 * ((count + 1) // 2))), 1080, 3)
    titles = [f'Gate {index} of {count}:' for index in range(1, count + 1)]
    for title in titles:
        assert sum(text.startswith(title) for text in texts) == 1
    explained = sum('Gates: yellow places' in text for text in texts)
    assert explained == min(count, 1)


@pytest.mark.parametrize(
    ('part', 'word'), [('appearance', 'cut for'), ('semantic', 'Nothing is fused')]
)
def test_a_part_that_is_not_there_is_explained(draw, part, word):
    figure, texts, _ = draw(explanation([view()], without=[part]))
    assert sum(word in text for text in texts) == 1
    assert len(bars_of(figure)[0]) == 2


@pytest.mark.parametrize('size', [(1, 1), (1, 300)])
def test_images_of_any_size_make_a_page(draw, size):
    closed = torch.zeros(8, 3, 2)
    picture = draw(explanation([view(opening=closed)]), size=size)[2]
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 50


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
