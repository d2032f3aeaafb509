import base64
import csv
import io
import re

import PIL.Image
import PIL.ImageOps
import pytest
import torch
from torch.testing import assert_close

from mmadf.analysis.demo import Answers
from mmadf.analysis.demo.uploads import UploadError
from mmadf.analysis.explain import explain
from tests.analysis.explain.reader import Reader
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

BARS = 5  # classes that a card of evidence lists
TOKENS = dict(
    type='ImageClassifier',
    backbone=dict(
        type='DistilledVisionTransformer',
        arch=dict(embed_dims=8, num_layers=1, num_heads=1, feedforward_channels=8),
        img_size=32,
    ),
    head=dict(type='DeiTClsHead', num_classes=5, in_channels=8),
)


def predictions(html):
    """Return the first class and its probability by title of a card of evidence."""
    cards = re.findall(r'<section class="card">.*?</section>', html)
    texts = [Reader(card).texts for card in cards]
    return {found[0]: tuple(found[-2 * BARS :][:2]) for found in texts}


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
    told = predictions(html)
    for title, part in {
        'Appearance branch': 'appearance',
        'Semantic branch without fusion': 'semantic',
        'Semantic branch with fusion': 'fused',
    }.items():
        scores = found.evidence[part].scores
        name = CLASSES[scores.argmax()]
        assert told.pop(title) == (name, f'{float(scores.max()):.0%}')
    assert told == {}
    texts = Reader(html).texts
    assert f'Gate weight, mean {float(found.gates[0].weight.mean()):.1%}' in texts
    head = 'Mapper 1 of 1: appearance stages 0 and 1 into semantic stage 3'
    assert head in texts
    assert 'Input of the network, 32 × 32 pixels' in texts
    maps = sum(bool(part.cam.max() > 0) for part in found.evidence.values())
    assert len(Reader(html).images) == 1 + maps + 2


def test_deployed_network_says_why_a_branch_is_missing(photo):
    html = Answers(build_network(adf_cfg(deploy=dict()))).explain(str(photo))
    assert 'Appearance branch' not in predictions(html)
    assert 'This network is deployed' in html


def test_gates_are_compared_with_their_mean_over_the_examples(photo, tmp_path):
    network = build_network()
    randomise(network.model)
    PIL.ImageOps.flip(PIL.Image.open(photo)).save(tmp_path / 'flipped.png')
    examples = [photo, tmp_path / 'flipped.png']
    html = Answers(network, examples).explain(str(photo))
    weights = [
        explain(network.model, network.read(path).batch).gates[0].weight.mean(0)
        for path in examples
    ]
    most = 100 * float((weights[0] - weights[1]).abs().max()) / 2
    assert most > 0.1
    texts = Reader(html).texts
    assert 'Mean weight of 2 images' in texts
    assert f'Difference of this image, up to {most:.1f}%' in texts


def test_plain_network_has_evidence_by_hand_and_no_gates(photo):
    network = build_network(PLAIN)
    html = Answers(network).explain(str(photo))
    model, x = network.model, network.read(photo).batch
    scores = network.scores(x)
    told = CLASSES[scores.argmax()], f'{float(scores.max()):.0%}'
    assert predictions(html) == {'The network': told}
    assert 'Gate' not in html
    cam = explain(model, x).evidence['whole'].cam
    last = model.backbone(x)[-1].detach().requires_grad_()
    (gradient,) = torch.autograd.grad(model.head(model.neck((last,))).max(), last)
    by_hand = (gradient.mean((2, 3), keepdim=True) * last).sum(1)[0].clamp(min=0)
    assert_close(cam, by_hand.detach())
    assert cam.max() > 0


def test_wise_srnet_shows_its_kernels_for_the_most_probable_classes(photo):
    network = build_network(WISE)
    reader = Reader(Answers(network).explain(str(photo)))
    assert 'Spatial kernels of Wise-SrNet (head)' in reader.texts
    assert any(text.startswith('mean of 64 kernels; 4') for text in reader.texts)
    best = network.scores(network.read(photo).batch).topk(3).indices.tolist()
    start = reader.texts.index('Mean kernel')
    heads = [text for text in reader.texts[start:] if text in CLASSES]
    assert heads == [CLASSES[i] for i in best]


def test_network_without_a_feature_map_says_so(photo):
    html = Answers(build_network(TOKENS)).explain(str(photo))
    assert 'Grad-CAM is not available' in html


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
