import sys
import threading
from contextlib import contextmanager
from functools import partial
from unittest import mock

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpretrain import ImageClassificationInferencer

import mmadf
from mmadf.analysis import demo
from mmadf.registry import MODELS
from tests.hub.conftest import CLASSES, adf, build, config

pytest.importorskip('gradio')
pytest.importorskip('captum')
pytest.importorskip('matplotlib')

URL = 'http://127.0.0.1:7860/'


@pytest.fixture
def network(job, tmp_path):
    """Return config and checkpoint of a small ADF network."""
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS.build(Config.fromfile(job).model)
    meta = dict(dataset_meta=dict(classes=('dark', 'light')))
    torch.save(dict(meta=meta, state_dict=model.state_dict()), tmp_path / 'net.pth')
    return job, tmp_path / 'net.pth'


@pytest.fixture
def pages(monkeypatch):
    """Replace the server; return the arguments of each call of it."""
    calls = []

    @contextmanager
    def _served(*arguments):
        calls.append(arguments)
        with mock.patch.object(threading.Event, 'wait', side_effect=KeyboardInterrupt):
            yield URL

    monkeypatch.setattr(demo, 'served', _served)
    monkeypatch.setattr('signal.signal', lambda *_: None)
    return calls


@pytest.fixture
def run_demo(tool):
    return partial(tool, 'demo.py')


def test_page_of_a_checkpoint_is_served_on_this_computer(
    network, pages, run_demo, image_folder, capsys
):
    run_demo(*network, '--examples', image_folder / 'val', '--device', 'cpu')
    ((answers, title, examples, host, port, share),) = pages
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == f'{title}: {URL} (stop with Ctrl+C)'
    assert (title, host, port, share) == ('job', '127.0.0.1', None, False)
    assert len(examples) == 8
    assert list(answers.predict(str(examples[0]))) == ['dark', 'light']
    (mean,) = answers.means
    assert mean.images == 8


def test_page_of_a_model_folder(pages, run_demo, image_folder, tmp_path):
    folder = tmp_path / 'my_network'
    mmadf.save_pretrained(build(adf()), folder, config(adf()))
    run_demo(folder)
    ((answers, title, examples, *_),) = pages
    assert (title, examples) == ('my_network', [])
    image = image_folder / 'val' / 'dark' / '000.png'
    (told,) = ImageClassificationInferencer(answers.network.model)(str(image))
    scores = answers.predict(str(image))
    assert list(scores) == CLASSES
    assert list(scores.values()) == pytest.approx(told['pred_scores'].tolist())


def test_first_examples_are_enough(network, pages, run_demo, image_folder):
    run_demo(*network, '--examples', image_folder / 'train', '--share', '--port', 5)
    ((_, _, examples, _, port, share),) = pages
    assert len(examples) == 24
    assert (port, share) == (5, True)


def test_invalid_input_is_one_line_and_exit_code_2(
    network, pages, run_demo, tmp_path, capsys
):
    config, checkpoint = network
    (tmp_path / 'bad').mkdir()
    (tmp_path / 'bad' / 'notes.png').write_text('no image')
    for arguments, words in [
        (('lost.py', checkpoint), "config='lost.py' does not exist"),
        ((config,), 'is not a model folder; give its checkpoint as well'),
        ((config, 'lost.pth'), 'lost.pth'),
        ((config, checkpoint, '--examples', 'lost'), 'images=lost does not exist'),
        ((config, checkpoint, '--examples', tmp_path / 'bad'), 'notes.png: the file'),
    ]:
        with pytest.raises(SystemExit, match='2'):
            run_demo(*arguments)
        (line,) = capsys.readouterr().err.splitlines()[-1:]
        assert line.startswith('demo.py: error: ') and words in line
    assert pages == []


def test_a_missing_package_is_found_before_any_work(run_demo, monkeypatch, capsys):
    for name in ('gradio', 'captum.attr', 'matplotlib'):
        with monkeypatch.context() as patch, pytest.raises(SystemExit, match='2'):
            patch.setitem(sys.modules, name, None)
            run_demo('lost.py', 'lost.pth')
        assert 'pip install' in capsys.readouterr().err.splitlines()[-1]
