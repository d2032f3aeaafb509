import base64
import csv
import io
import re

import numpy as np
import PIL.Image
import PIL.ImageOps
import pytest
import torch
from torch.testing import assert_close

from mmadf.analysis.demo import Answers
from mmadf.analysis.demo.evidence import explain_any
from mmadf.analysis.demo.pictures import heat_map, photograph, position_map
from mmadf.analysis.demo.uploads import UploadError
from mmadf.analysis.explain import explain
from tests.helpers import CHANNELS, adf_cfg, randomise

from .conftest import CLASSES, PLAIN, build_network

pytest.importorskip('captum')
pytest.importorskip('matplotlib')

WISE = dict(
    PLAIN,
    neck=None,
    head=dict(
        type='WiseSrNetHead',
        num_classes=5,
        in_channels=CHANNELS[-1],
        map_size=4,
        pool_size=None,
    ),
)

FLAT = dict(
    type='ImageClassifier',
    backbone=dict(type='ConvNeXt', arch='atto'),
    head=dict(type='LinearClsHead', num_classes=5, in_channels=320),
)


def pixels(uri):
    """Return the picture of a data URI, (H, W, 3)."""
    content = base64.b64decode(uri.removeprefix('data:image/jpeg;base64,'))
    return np.asarray(PIL.Image.open(io.BytesIO(content))).astype(int)


def captions(html):
    """Return title and text of every picture or number."""
    found = re.findall('<figcaption><b>(.*?)</b><br>(.*?)</figcaption>', html)
    return dict(found)


def test_prediction_by_name_is_that_of_the_network(answers, photo):
    network = answers.network
    batch = network.read(photo).batch
    for factor in (0, 0.5, 1):
        told = answers.predict(str(photo), factor)
        assert list(told.values()) == network.scores(batch, factor).tolist()
    assert answers.predict(None) == {}
    assert answers.explain(None) == ''


def test_every_branch_has_its_evidence_and_its_prediction(answers, photo):
    html = answers.explain(str(photo))
    found = explain(answers.network.model, answers.network.read(photo).batch)
    told = captions(html)
    for title, part in {
        'Appearance branch': 'appearance',
        'Semantic branch without fusion': 'semantic',
        'Semantic branch with fusion': 'fused',
    }.items():
        scores = found.evidence[part].scores
        name = CLASSES[scores.argmax()].replace('<', '&lt;').replace('>', '&gt;')
        assert told[title] == f'{name}, {float(scores.max()):.0%}'
    mean = 100 * float(found.gates[0].weight.mean())
    assert told['Weight of the appearance features'] == f'mean {mean:.3g}%'
    assert 'appearance stages 0 and 1 into semantic stage 3' in html
    assert '<b>grey' not in html
    assert html.count('<img src="data:image/jpeg;base64,') == 6


def test_deployed_network_says_why_a_branch_is_missing(photo):
    html = Answers(build_network(adf_cfg(deploy=dict()))).explain(str(photo))
    assert 'Appearance branch' not in captions(html)
    assert 'This network is deployed' in html


@pytest.mark.parametrize(
    ('gate', 'words'),
    [('channel', 'the same at all positions'), ('layer', 'at all positions of any')],
)
def test_gates_without_positions_are_numbers(gate, words, photo):
    cfg = adf_cfg(mapper=dict(type='Mapper', sources=(0,), gate=gate))
    html = Answers(build_network(cfg)).explain(str(photo))
    assert words in captions(html)['Weight of the appearance features']


def test_gates_are_compared_with_their_mean_over_the_examples(network, photo, tmp_path):
    randomise(network.model)
    PIL.ImageOps.flip(PIL.Image.open(photo)).save(tmp_path / 'flipped.png')
    examples = [photo, tmp_path / 'flipped.png']
    html = Answers(network, examples).explain(str(photo))
    weights = [
        explain(network.model, network.read(path).batch).gates[0].weight.mean(0)
        for path in examples
    ]
    most = 100 * float((weights[0] - weights[1]).abs().max()) / 2
    assert most > 1e-2
    told = captions(html)['Difference from the mean weight of 2 examples']
    assert told == f'up to {most:.2g} percentage points'


def test_plain_network_has_evidence_by_hand_and_no_gates(photo):
    network = build_network(PLAIN)
    told = captions(Answers(network).explain(str(photo)))
    scores = network.scores(network.read(photo).batch)
    assert set(told) == {'Input of the network', 'Evidence'}
    assert told['Evidence'].endswith(f', {float(scores.max()):.0%}')


def test_wise_srnet_shows_its_kernels_for_the_most_probable_classes(photo):
    network = build_network(WISE)
    html = Answers(network).explain(str(photo))
    told = captions(html)
    assert told['Mean of the kernels'] == '64 kernels of 4 x 4 positions'
    best = network.scores(network.read(photo).batch).topk(3).indices.tolist()
    names = [CLASSES[i].replace('<', '&lt;').replace('>', '&gt;') for i in best]
    assert list(told)[-3:] == names


def test_network_without_a_feature_map_says_so(photo):
    html = Answers(build_network(FLAT)).explain(str(photo))
    assert 'Grad-CAM is not available' in html


def test_heat_map_mixes_colours_with_grey_at_their_positions():
    image = torch.full((3, 200, 300), 140.0)
    values = torch.tensor([[0.0, 0.0, 1.0, 1.0]])
    picture = pixels(heat_map(image, values, 'viridis', (0, 1)))
    assert picture.shape == (200, 300, 3)
    first, last = (0.267, 0.0049, 0.3294), (0.9932, 0.9062, 0.1439)  # of viridis
    for color, column in ((first, 10), (last, 290)):
        expected = [0.6 * 255 * part + 0.4 * 140 / 1.4 for part in color]
        assert picture[100, column].tolist() == pytest.approx(expected, abs=4)


def test_small_images_are_enlarged_without_blur():
    image = torch.zeros(3, 8, 8)
    image[0, :, 4:] = 255
    picture = pixels(photograph(image))
    assert picture.shape == (200, 200, 3)
    assert picture[:, 90, 0].max() < 10 and picture[:, 110, 0].min() > 245


def test_position_map_has_a_square_for_each_weight():
    picture = pixels(position_map(torch.tensor([[-1.0, 1.0]]), 'RdBu_r', (-1, 1)))
    assert picture.shape == (100, 200, 3)
    assert picture[50, 20, 2] > picture[50, 20, 0] + 50  # blue
    assert picture[50, 180, 0] > picture[50, 180, 2] + 50  # red


def test_table_has_a_row_for_each_file_and_the_reason_for_bad_ones(
    answers, photo, tmp_path
):
    notes = tmp_path / 'notes.png'
    notes.write_text('no image')
    rows, link = answers.table([str(photo), str(notes)])
    best = sorted(answers.predict(str(photo)).items(), key=lambda item: -item[1])
    (first, p1), (second, p2) = best[:2]
    assert rows[0] == ['photo.png', first, round(p1, 4), second, round(p2, 4), '']
    assert rows[1][:2] == ['notes.png', ''] and 'cannot be read' in rows[1][-1]
    (content,) = re.findall('base64,(.*?)"', link)
    text = base64.b64decode(content).decode('utf-8-sig')
    header, *told = csv.reader(io.StringIO(text))
    assert header[:3] == ['file', 'prediction', 'probability']
    assert told[0] == [str(cell) for cell in rows[0]]
    assert told[1][0] == 'notes.png'


def test_table_of_nothing_is_refused(answers):
    with pytest.raises(UploadError, match='0 files are selected'):
        answers.table(None)


def test_heading_is_escaped_and_counts_parameters(answers):
    count = sum(p.numel() for p in answers.network.model.parameters()) / 1e6
    heading = answers.heading('a<b>')
    assert '<h1>a&lt;b&gt;</h1>' in heading
    assert f'ADFClassifier, {count:.3g} million parameters' in heading


def test_evidence_of_a_plain_network_is_grad_cam_by_hand(photo):
    network = build_network(PLAIN)
    model, x = network.model, network.read(photo).batch
    cam = explain_any(model, x).evidence['network'].cam
    last = model.backbone(x)[-1].detach().requires_grad_()
    (gradient,) = torch.autograd.grad(model.head(model.neck((last,))).max(), last)
    by_hand = (gradient.mean((2, 3), keepdim=True) * last).sum(1)[0].clamp(min=0)
    assert_close(cam, by_hand.detach())
    assert cam.max() > 0
