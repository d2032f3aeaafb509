"""Pages and the index, read as a browser reads them."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from mmadf.analysis.explain.evidence import Evidence
from mmadf.analysis.explain.explanation import Explanation, GateView
from mmadf.analysis.explain.gate_mean import mean_gates
from mmadf.analysis.explain.index import index_html, make_entry
from mmadf.analysis.explain.page import Page, page_html
from mmadf.analysis.explain.photograph import Photograph
from mmadf.analysis.explain.sections import short_names
from mmadf.analysis.spatial_maps import SpatialMaps

from .reader import Reader

pytest.importorskip('matplotlib')

EVIL = '<script>alert(1)</script>'
CLASSES = ['ant', 'bee', 'cow', 'dog', 'elk, wapiti', EVIL, '"a$b&c']
SCORES = torch.tensor([0.02, 0.5, 0.1, 0.07, 0.3, 0.004, 0.006])
ROWS, COLUMNS = np.indices((240, 360))
PIXELS = np.stack([ROWS, COLUMNS // 2, 0 * ROWS + 90], -1).astype(np.uint8)


def view(gate='element', weight=None):
    weight = torch.rand(8, 3, 2) if weight is None else weight
    return GateView((0, 1), 3, gate, weight, torch.rand(3, 2), 0.5)


def page(gates=(), truth=3, seen=(0, 0, 360, 240), name='x.png', means=(), **evidence):
    true_cam = None if truth in (None, 1) else torch.rand(3, 2)
    found = dict(
        appearance=Evidence(SCORES.flip(0), torch.rand(3, 2)),
        semantic=Evidence(SCORES.roll(1), torch.zeros(3, 2)),
        fused=Evidence(SCORES, torch.rand(3, 2), true_cam),
    )
    found = evidence or found
    explanation = Explanation(found, list(gates), SCORES)
    return Page(Photograph(PIXELS, seen), name, truth, explanation, CLASSES, means)


def read(*arguments, **changes):
    return Reader(page_html(page(*arguments, **changes)))


def test_the_photograph_has_the_resolution_and_the_colours_of_the_file():
    (_, image), *_ = read().images
    assert image.size == (360, 240)
    assert np.abs(np.asarray(image).astype(int) - PIXELS).mean() < 3  # of JPEG
    assert image.mode == 'RGB'


def test_the_headline_says_right_or_wrong():
    for truth in (1, 3, None):
        texts = read(truth=truth, fused=Evidence(SCORES, torch.rand(3, 2))).texts
        assert texts.count('✓ right') == 2 * (truth == 1)
        assert texts.count('✗ wrong') == 2 * (truth == 3)
        assert 'bee (50%)' in texts
        assert ('x.png · true class:' in texts) == (truth is not None)


def test_a_wrong_prediction_has_evidence_for_the_true_class_too():
    alts = [alt for alt, _ in read(truth=3).images]
    assert 'Evidence for the predicted class, bee' in alts
    assert alts.count('Evidence for the true class, dog') == 1
    assert not any('true class' in alt for alt, _ in read(truth=1).images)


def test_bars_are_the_most_probable_classes_and_the_true_one():
    reader = read(truth=5, fused=Evidence(SCORES, torch.rand(3, 2)))
    start = reader.texts.index('bee')
    assert reader.texts[start : start + 12] == [
        *('bee', '50%', 'elk', '30%', 'cow', '10%', 'dog', '7%', 'ant', '2%'),
        *(f'{EVIL} (true)', '0%'),
    ]
    assert [of.get('class') for tag, of in reader.tags if tag == 'li'][-1] == 'true'


def test_classes_that_share_their_first_name_are_told_apart():
    classes = ['VW Golf, 2019', 'VW Golf, 2020', 'elk, wapiti', 'VW Golf', 'a' * 41]
    assert short_names(classes) == [
        *('VW Golf, 2019', 'VW Golf, 2020', 'elk', 'VW Golf', 'a' * 39 + '…'),
    ]
    shown = page(truth=0)._replace(classes=[*classes, 'f', 'g'])
    texts = Reader(page_html(shown)).texts
    assert 'VW Golf, 2020' in texts and 'VW Golf, 2019 (true)' in texts
    reader = Reader(index_html([make_entry(shown, Path('a'), Path('i'))], 'x', []))
    assert reader.attributes('a', 'data-predicted') == ['VW Golf, 2020']
    assert reader.attributes('a', 'data-truth') == ['VW Golf, 2019']


def test_long_names_that_differ_at_their_end_are_not_cut():
    long = 'Mercedes-Benz Sprinter, panel van, high roof, '
    classes = [f'{long}{year}' for year in (2019, 2020)]
    assert short_names([*classes, 'b' * 41]) == [*classes, 'b' * 39 + '…']


def test_names_of_classes_and_files_are_text():
    name = f'a"&{EVIL}.png'
    reader = read(truth=5, name=name)
    assert 'alert(1)' not in [tag for tag, _ in reader.tags]
    assert [tag for tag, _ in reader.tags].count('script') == 1
    assert any(name in text for text in reader.texts)
    entry = make_entry(page(name=name, truth=6), Path(f'out/{name}.html'), Path('i'))
    reader = Reader(index_html([entry], EVIL, [EVIL]))
    assert [tag for tag, _ in reader.tags].count('script') == 1
    assert reader.attributes('a', 'data-name') == [name]
    assert reader.attributes('a', 'data-truth') == ['"a$b&c']


def test_a_map_without_evidence_is_a_sentence_and_no_empty_picture():
    reader = read(semantic=Evidence(SCORES, torch.zeros(3, 2)))
    assert len(reader.images) == 1
    assert 'No evidence for the predicted class, bee.' in reader.texts


def test_a_heat_map_covers_what_the_network_receives_in_colour():
    cam = torch.tensor([[0.0, 1.0]])
    reader = read(seen=(60, 0, 300, 240), whole=Evidence(SCORES, cam), truth=None)
    (_, photo), (alt, shown) = reader.images
    assert alt == 'Evidence for the predicted class, bee'
    assert shown.size == (240, 240)
    pixels = np.asarray(shown).astype(float)
    part = np.asarray(photo.crop((60, 0, 300, 240))).astype(float)
    left, right = (
        np.abs(pixels - part)[:, columns].mean()
        for columns in (slice(0, 45), slice(195, 240))
    )
    assert left < 3 < 50 < right
    (style,) = reader.attributes('span', 'style')
    assert style == 'left:16.67%;top:0.00%;width:66.67%;height:100.00%'


def test_a_spatial_gate_is_shown_with_its_mean_and_the_difference():
    """A pattern that all images share does not appear as a difference."""
    pattern = torch.tensor([[0.50, 0.52], [0.54, 0.56]])
    change = torch.tensor([[0.01, 0.0], [0.0, 0.0]])
    weights = [pattern + change, pattern - change]
    (mean,) = mean_gates([[weight] for weight in weights])
    assert_close(mean.mean, pattern)
    assert mean.limit == pytest.approx(0.01)
    gate = view(weight=weights[0].expand(8, 2, 2))
    reader = read([gate], means=[mean])
    heads = [text for text in reader.texts if 'weight' in text.lower()]
    assert any(head.startswith('Gate weight, mean 53.') for head in heads)
    assert 'Mean weight of 2 images' in heads
    assert 'Difference of this image, up to 1.0%' in reader.texts
    # Variance of the pattern 5e-4; of all maps 5e-4 + 0.01 ** 2 / 4.
    assert mean.shared == pytest.approx(5e-4 / 5.25e-4)
    assert any(text.startswith('95% of the variance') for text in reader.texts)
    ends = [text for text in reader.texts if re.fullmatch(r'-?[\d.]+%', text)]
    assert [e for e in ends if e.endswith('1.0%')][-2:] == ['-1.0%', '1.0%']
    assert (
        'Mapper 1 of 1: appearance stages 0 and 1 into semantic stage 3' in reader.texts
    )


def test_there_is_no_mean_of_one_image_of_other_sizes_or_of_a_shared_weight():
    assert mean_gates([[torch.rand(2, 2)]]) == [None]
    assert (
        mean_gates([[torch.rand(2, 2), None], [torch.rand(2, 3), None]]) == [None] * 2
    )


def test_a_mean_of_images_of_another_size_is_left_out():
    (mean,) = mean_gates([[torch.rand(3, 5)], [torch.rand(3, 5)]])
    texts = read([view(weight=torch.rand(8, 4, 4))], means=[mean]).texts
    assert any(text.startswith('Gate weight, mean') for text in texts)
    assert not any('Mean weight' in text or 'Difference' in text for text in texts)


def test_an_image_beyond_the_mean_has_a_scale_of_its_own():
    """As an image that is not among those of the mean."""
    (mean,) = mean_gates([[torch.full((1, 2), 0.5)], [torch.full((1, 2), 0.52)]])
    weight = torch.tensor([[[0.51, 0.71]]])
    texts = read([view(weight=weight)], means=[mean]).texts
    assert 'Difference of this image, up to 20.0%' in texts
    assert '-20%' in texts and '20%' in texts


def test_kernels_are_shown_for_the_most_probable_classes():
    kernels = torch.tensor([[[0.1, 0.2]], [[0.3, 0.6]]])
    classes = torch.zeros(7, 1, 2)
    classes[1, 0, 1] = 0.7  # of the most probable class, 0.6 above the mean
    maps = SpatialMaps(kernels, classes)
    shown = page(whole=Evidence(SCORES, torch.rand(3, 2)), truth=None)
    reader = Reader(page_html(shown._replace(kernels=dict(head=maps))))
    start = reader.texts.index('Spatial kernels of Wise-SrNet (head)')
    texts = reader.texts[start:]
    assert texts[1:4] == ['Mean kernel', '0', '0.4']
    assert [text for text in texts if text in ('bee', 'elk', 'cow', 'dog')] == [
        *('bee', 'elk', 'cow')
    ]
    assert texts[texts.index('bee') + 1 :][:2] == ['-0.6', '0.6']
    mean, bee, elk, _ = (np.asarray(image) for _, image in reader.images[-4:])
    assert mean.shape == (1, 2, 3)
    red, blue = bee[0, 0].astype(int), bee[0, 1].astype(int)
    assert abs(red - elk[0, 0]).max() < 3  # both 0 there, white
    assert red.min() > 240 and abs(blue - red).max() > 100


def test_gates_shared_by_all_positions_are_a_number_and_a_histogram():
    layer = view('layer', torch.full((1, 1, 1), 0.62))
    channel = view('channel', torch.tensor([0.32, 0.33, 0.92, 0.31]).view(4, 1, 1))
    reader = read([layer, channel])
    assert 'Gate weight: 62.0%' in reader.texts
    bars = [s for s in reader.attributes('b', 'style')]
    assert len(bars) == 20
    assert [i for i, s in enumerate(bars) if s != 'height:0%'] == [6, 18]
    assert (bars[6], bars[18]) == ('height:100%', 'height:33%')
    assert 'number of channels, of 4, by weight' in ' '.join(reader.texts)


def test_the_index_has_the_most_confident_errors_first_and_links_every_page():
    folder, index = Path('out'), Path('out/index.html')
    pages = [page(truth=truth, name=f'{truth} #1.png') for truth in (1, None, 3, 0)]
    sure = torch.eye(7)[2]
    explanation = pages[3].explanation._replace(scores=sure)
    pages[3] = pages[3]._replace(explanation=explanation)
    entries = [make_entry(p, folder / 'a?b' / f'{p.name}.html', index) for p in pages]
    reader = Reader(index_html(entries, 'title', ['lost.png: broken']))
    assert reader.attributes('a', 'data-name') == [
        *('0 #1.png', '3 #1.png', 'None #1.png', '1 #1.png')
    ]
    assert reader.attributes('a', 'href')[0] == 'a%3Fb/0%20%231.png.html'
    assert reader.attributes('a', 'data-verdict') == ['0', '0', '1', '2']
    assert (
        '4 images; of 3 with a known class, 1 right (33.3%); 1 without a known class, '
        'which is the name of the folder if the network predicts one class per image'
    ) in reader.texts
    assert 'lost.png: broken' in reader.texts
    assert all(max(image.size) == 320 for _, image in reader.images)
    options = set(reader.attributes('option', 'value'))
    assert options <= {key[5:] for tag, of in reader.tags if tag == 'a' for key in of}
