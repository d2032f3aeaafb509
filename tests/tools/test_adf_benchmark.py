import sys
from importlib import util

import pytest
import torch
from torch import nn

from mmadf.analysis.benchmark import compare, saved_bytes
from tests.conftest import ROOT


def test_chosen_storages_do_not_count():
    x, w = torch.randn(10, 10, requires_grad=True), torch.randn(10, 10)
    own = {w.untyped_storage()._cdata}
    assert saved_bytes(lambda: x * w) == 400
    assert saved_bytes(lambda: x * w, without=own) == 0


@pytest.mark.parametrize(
    ('kinds', 'names'),
    [
        (('forward',), {'forward', 'forward (s)'}),
        (('saved activations',), {'saved activations'}),
    ],
)
def test_only_what_is_asked_for_is_measured(kinds, names):
    model, calls = nn.Linear(3, 3), []
    model.register_forward_hook(lambda m, *_: calls.append(m.training))
    rows = compare(dict(one=model), torch.randn(2, 3), repeats=2, kinds=kinds)
    assert set(rows['one']) == names
    assert calls == ([False] * 3 if 'forward' in kinds else [True])


@pytest.mark.parametrize('train_batch', [0, 2])
def test_loader_is_measured_with_and_without_training(train_batch, monkeypatch, capsys):
    spec = util.spec_from_file_location('adf', ROOT / 'tools/benchmarks/adf.py')
    tool = util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    names = (tool.SINGLE, 'ADF, both heads')
    networks = {name: nn.Conv2d(3, 2, 1) for name in names}
    monkeypatch.setattr(tool, 'prepare', lambda args, training: networks)
    monkeypatch.setattr(tool, 'images_per_second', lambda: 123.0)
    options = ['--loader', '--threads', '1', '--repeats', '1']
    options += ['--train-batch', str(train_batch)]
    monkeypatch.setattr(sys, 'argv', ['adf.py', *options])
    tool.main()
    printed = capsys.readouterr().out
    assert 'data pipeline: 123 images/s per process' in printed
    assert printed.count('| inference, 1 images |') == 2
    assert ('| training step, 2 images |' in printed) == bool(train_batch)
    assert ('training step of ADF: ' in printed) == bool(train_batch)
