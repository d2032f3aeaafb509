import cv2
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mmadf.analysis.explain.evidence import Evidence
from mmadf.analysis.explain.explanation import Explanation, GateView
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


@pytest.fixture
def draw(tmp_path, monkeypatch):
    """Draw a page; return the figure, its texts and the image file."""
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


def test_bars_are_the_five_most_probable_classes_and_the_true_one_is_green(draw):
    figure, _, _ = draw(explanation([view()]))
    texts, colors = bars_of(figure)
    assert len(texts) == 3
    fused = ['bee', '50%', 'elk', '30%', 'cow', '10%', 'dog', '7%', 'ant', '2%']
    assert texts[2] == fused
    assert texts[0][:4] == ['elk', '50%', 'bee', '30%']
    assert texts[1][:4] == ['cow', '50%', r'a\$b\$c', '30%']
    assert [color == f'#{GREEN}' for color in colors[2]] == [*[False] * 3, True, False]


def test_the_headline_gives_prediction_and_truth(draw):
    _, texts, _ = draw(explanation())
    assert any('prediction: bee (50%)   –   true class: dog' in text for text in texts)
    assert any(text.startswith(r'x\$y\$.png') for text in texts)
    _, texts, _ = draw(explanation(), truth=None)
    assert not any('true class' in text or 'green' in text for text in texts)


def test_heat_maps_cover_the_image_interpolated(draw):
    gate = view()
    found = explanation([gate])
    figure, _, _ = draw(found)
    shown = [axes.images[1].get_array().data for axes in figure.axes[1:] if axes.images]
    maps = [evidence.cam for evidence in found.evidence.values()]
    maps += [gate.weight.mean(0), gate.gated / 0.5]
    for values in maps:
        size = dict(size=(12 * 17, 8 * 17), mode='bilinear')
        expected = F.interpolate(values[None, None], **size)[0, 0].numpy()
        assert sum(np.allclose(expected, array, atol=1e-6) for array in shown) == 1


@pytest.mark.parametrize(
    ('gate', 'weight', 'words'),
    [
        ('layer', torch.full((1, 1, 1), 0.62), ['62%', 'one learned value']),
        ('channel', torch.full((8, 1, 1), 0.3), ['mean 30%', 'channels (of 8)']),
        ('element', torch.full((8, 3, 2), 0.25), ['mean 25%', 'mean over channels']),
    ],
)
def test_gates_are_drawn_by_kind(draw, gate, weight, words):
    figure, texts, _ = draw(explanation([view(gate, weight)]))
    for word in words:
        assert any(word in text for text in texts), word
    assert ('mean over channels' in texts) == (gate == 'element')  # on the colour bar
    bars = [len(axes.patches) for axes in figure.axes if len(axes.patches) == 20]
    assert bars == ([20] if gate == 'channel' else [])


@pytest.mark.parametrize('count', [0, 1, 2])
def test_a_page_grows_with_its_gates_and_explains_them_once(draw, count):
    _, texts, image = draw(explanation([view() for _ in range(count)]))
    assert image.shape == (int(80 * (6.2 + 3.7 * ((count + 1) // 2))), 1080, 3)
    for index in range(1, count + 1):
        title = f'Mapper {index} of {count}:'
        assert sum(text.startswith(title) for text in texts) == 1
    explained = sum('Gates: on the left' in text for text in texts)
    assert explained == min(count, 1)


@pytest.mark.parametrize(
    ('part', 'words'),
    [('appearance', 'no appearance head'), ('semantic', 'has no mappers')],
)
def test_the_absence_of_a_part_is_explained(draw, part, words):
    figure, texts, _ = draw(explanation([view()], without=[part]))
    assert sum(words in text.replace('\n', ' ') for text in texts) == 1
    assert len(bars_of(figure)[0]) == 2


def test_an_image_of_extreme_aspect_ratio_makes_a_page(draw):
    closed = torch.zeros(8, 3, 2)
    image = draw(explanation([view(weight=closed)]), size=(1, 300))[2]
    assert len(np.unique(image.reshape(-1, 3), axis=0)) > 50


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
