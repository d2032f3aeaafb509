from html.parser import HTMLParser
from pathlib import Path

import pytest
import torch

from mmadf.analysis import cost_by_part, total_cost
from mmadf.analysis.report import (
    TEST,
    VALIDATION,
    Run,
    read_configuration,
    write_report,
)
from tests.analysis.report.examples import LABELS, build, load
from tests.analysis.test_logs import BY_EPOCH, write
from tests.helpers import backbone_cfg

for package in ('captum', 'jinja2', 'matplotlib', 'torchmetrics', 'tqdm'):
    pytest.importorskip(package)
EVIL = '<script>alert(1)</script>&"\''
CLASSES = (EVIL, '{{ 7 * 7 }}', '$x^{$', 'd', 'ä' * 300)
FILES = [f'/home/me/set/{EVIL}/{index} {EVIL}.png' for index in range(6)]
FILES[2:4] = '/elsewhere/2.png', '/home/me/set/\udcff.png'
VOID = {'meta', 'img', 'td'}  # the end of an empty td is left out


class Page(HTMLParser):
    """The elements and the text of a page, checked to be well-formed."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.texts, self.open = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if data.strip() and 'style' not in self.open:
            self.texts.append(data.strip())

    def attributes(self, tag, name):
        return [attrs[name] for kind, attrs in self.elements if kind == tag]


def report(folder, model, loader, images=TEST, keep=1, config='a = 1'):
    """Write the report of a network; return its page, text and table."""
    work_dir = folder / EVIL.replace('/', '') / 'run'
    write(work_dir, '20260101_000000', BY_EPOCH)
    (work_dir / '20260101_000000/vis_data/config.py').write_text(config)
    checkpoint = Path('/home/me/best_<b>.pth')
    found = read_configuration(work_dir, 'a = 1')
    run = Run(work_dir, checkpoint, found, 5, BY_EPOCH, images, is_bgr=True)
    table = write_report(model, loader, run, folder / 'report.html', keep)
    text = (folder / 'report.html').read_text(encoding='utf-8')
    return Page(text), text, table


@pytest.fixture(scope='module')
def hostile(tmp_path_factory):
    """Return the page and text of a run whose names try to break the page."""
    torch.manual_seed(0)
    model = build()
    with torch.no_grad():
        wrong = (model(load().dataset.images).argmax(1) + 1) % 5
    loader = load(classes=CLASSES, files=FILES, labels=wrong)
    folder = tmp_path_factory.mktemp('hostile')
    config = f"data_root = '/home/me/set'\nwork_dir = {str(folder)!r}\n"
    page, text, _ = report(folder, model, loader, keep=6, config=config)
    assert str(folder) not in text
    return page, text


@torch.no_grad()
def test_numbers_of_the_page(tmp_path):
    model, loader = build(readout='appearance'), load()
    page, _, table = report(tmp_path, model, loader)
    scores = model.logits_by_readout(loader.dataset.images)
    labels = torch.tensor(LABELS)
    assert table.startswith('6 test images\n\n| readout | top-1 (%) |')
    for name, logits in zip(
        ['fused', 'appearance head', 'sum of both'], scores.values(), strict=True
    ):
        accuracy = 100 * (logits.argmax(1) == labels).float().mean()
        assert f'| {name} | {accuracy:.2f} |' in table
        assert name in page.texts
    predicted = scores['appearance'].argmax(1)
    accuracy = 100 * (predicted == labels).float().mean()
    assert page.texts[page.texts.index('top-1 accuracy') - 1] == f'{accuracy:.2f}%'
    cost = total_cost(cost_by_part(model, (32, 32)))
    shown = page.texts[page.texts.index('parameters') - 1]
    assert shown == f'{cost.parameters / 1e6:.2f} M'
    confidence = scores['appearance'].softmax(1).max(1)[0]
    correct = (predicted == labels).float()
    error = 0
    for low in torch.arange(15) / 15:  # bins of the calibration error
        inside = (confidence > low) & (confidence <= low + 1 / 15)
        if inside.any():
            gap = confidence[inside].mean() - correct[inside].mean()
            error += inside.float().mean() * gap.abs()
    shown = page.texts[page.texts.index('expected calibration error') - 1]
    assert shown == f'{error:.3f}'
    of_classes = [correct[labels == label].mean() for label in set(LABELS)]
    shown = page.texts[page.texts.index('mean accuracy of the classes') - 1]
    assert shown == f'{100 * sum(of_classes) / len(of_classes):.2f}%'
    titles = {
        t for t in (a.get('title', '') for k, a in page.elements if k == 'td') if t
    }
    names = 'abcde'
    expected = {}
    for truth, guess in zip(LABELS, predicted.tolist(), strict=True):
        pair = f'{names[truth]}, predicted as {names[guess]}'
        expected[pair] = expected.get(pair, 0) + 1
    assert titles == {f'{pair}: {count}' for pair, count in expected.items()}
    assert page.texts[page.texts.index('seed') :][:2] == ['seed', '5']


@torch.no_grad()
def test_page_of_grey_images(tmp_path):
    model, loader = build(backbone=backbone_cfg(in_channels=1)), load()
    loader.dataset.images = loader.dataset.images[:, :1]
    page, _, _ = report(tmp_path, model, loader)
    shown = page.texts[page.texts.index('parameters') - 1]
    assert shown == f'{sum(p.numel() for p in model.parameters()) / 1e6:.2f} M'


def test_page_is_self_contained_and_has_no_scripts(hostile):
    page, text = hostile
    tags = {tag for tag, _ in page.elements}
    assert not tags & {'script', 'link', 'iframe', 'object'}
    assert all(uri.startswith('data:image/') for uri in page.attributes('img', 'src'))
    assert all(link.startswith('#') for link in page.attributes('a', 'href'))
    ids = {attrs['id'] for _, attrs in page.elements if 'id' in attrs}
    assert {link[1:] for link in page.attributes('a', 'href')} <= ids
    assert 'http://' not in text and 'https://' not in text
    assert not any(name.startswith('on') for _, a in page.elements for name in a)


def test_names_are_escaped(hostile):
    page, text = hostile
    assert '<script' not in text and '49' not in page.texts
    assert set(CLASSES) <= set(page.texts)
    shown = page.attributes('img', 'alt')
    assert f'{EVIL}/1 {EVIL}.png' in shown
    assert '\\udcff.png' in shown  # not UTF-8 on disk
    assert 'best_<b>.pth' in ' '.join(page.texts)


def test_no_absolute_path_is_shown(hostile):
    page, text = hostile
    assert '/home' not in text and '/elsewhere' not in text
    assert '2.png' in page.attributes('img', 'alt')
    assert any("data_root = '…/set'" in text for text in page.texts)


@pytest.fixture(scope='module')
def unfused(tmp_path_factory):
    """Return page and table of a network without fusion, without wrong images."""
    folder, config = tmp_path_factory.mktemp('unfused'), 'a = 2\nlr = 0.5'
    torch.manual_seed(0)
    model = build(mapper=None)
    page, _, table = report(folder, model, load(), VALIDATION, keep=0, config=config)
    return page, table


def test_config_of_the_run_is_shown_where_the_file_differs(unfused):
    page, _ = unfused
    assert 'a = 2\nlr = 0.5' in page.texts
    assert 'a: 2 -> 1\nlr: 0.5 -> not set' in page.texts


def test_validation_images_are_called_so(unfused):
    page, table = unfused
    start = '6 validation images, which also selected the best check'
    assert table.startswith(start)
    assert start in ' '.join(page.texts)


def test_readout_of_a_network_without_fusion_is_called_so(unfused):
    _, table = unfused
    assert '| semantic head |' in table and 'fused' not in table


def test_wrong_images_can_be_left_out(unfused):
    page, _ = unfused
    assert page.attributes('img', 'src')[-1].startswith('data:image/svg+xml')
    assert any(text.endswith('none of them is shown.') for text in page.texts)


class Perfect(torch.nn.Module):
    """A classifier that is always right."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, inputs):
        return inputs.mean() * self.weight

    def test_step(self, batch):
        scores = torch.eye(5)
        return [
            x.set_pred_score(scores[int(x.gt_label)]) for x in batch['data_samples']
        ]


def test_page_of_a_network_without_errors(tmp_path):
    page, _, table = report(tmp_path, Perfect(), load())
    assert '| prediction | 100.00 |' in table
    assert page.texts.count('All predictions are right.') == 2
