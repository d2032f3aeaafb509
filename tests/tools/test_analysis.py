"""Scripts of tools/analysis and tools/model_converters that have no other test file."""

import sys

import pytest
import torch

from mmadf.analysis import read_log
from tests.analysis.test_logs import BY_EPOCH, write
from tests.conftest import ROOT

DIGITS = ROOT / 'configs/adf/adf_tiny_digits.py'


@pytest.fixture
def refuse(tool, capsys):
    """Run a script with invalid input; return the one line that reports it."""

    def _refuse(script, *arguments):
        with pytest.raises(SystemExit, match='2'):
            tool(script, *arguments)
        line = capsys.readouterr().err.splitlines()[-1]
        assert ': error: ' in line
        return line

    return _refuse


def test_complexity_compares_with_the_single_network(tool, capsys):
    tool('analysis/complexity.py', DIGITS, '--size', '16')
    rows = [row.split('|') for row in capsys.readouterr().out.splitlines()]
    names = [row[0].strip() for row in rows]
    expected = ['backbone', 'appearance_backbone', 'mappers.0', 'all / single']
    assert [name for name in names if name in expected] == expected


def test_complexity_refuses_an_invalid_size(refuse):
    assert '--size 0' in refuse('analysis/complexity.py', DIGITS, '--size', '0')


@pytest.fixture
def trained(tmp_path):
    """Return a work directory with a log and a file that is no checkpoint."""
    write(tmp_path / 'work', '20260101_000000', BY_EPOCH)
    (tmp_path / 'work' / 'best_accuracy_top1_epoch_2.pth').write_text('no checkpoint')
    assert read_log(tmp_path / 'work')
    return tmp_path / 'work'


def test_report_refuses_invalid_input(refuse, trained, tmp_path):
    script = 'analysis/report.py'
    assert 'lost.py' in refuse(script, 'lost.py', trained)
    assert 'no best_*.pth in' in refuse(script, DIGITS, tmp_path)
    assert 'best_accuracy_top1_epoch_2.pth' in refuse(script, DIGITS, trained)
    torch.save({}, tmp_path / 'some.pth')
    arguments = DIGITS, tmp_path, '--checkpoint', tmp_path / 'some.pth'
    assert 'contains no training log' in refuse(script, *arguments)
    assert not list(trained.glob('*.png'))


def test_deploy_refuses_invalid_input(refuse, trained, tmp_path):
    checkpoint = trained / 'best_accuracy_top1_epoch_2.pth'
    script = 'model_converters/deploy.py'
    assert '*.pth' in refuse(script, DIGITS, checkpoint, tmp_path / 'small.onnx')
    assert 'lost.pth' in refuse(script, DIGITS, 'lost.pth', tmp_path / 'small.pth')
    assert checkpoint.name in refuse(script, DIGITS, checkpoint, tmp_path / 'small.pth')


def test_help_needs_no_matplotlib(tool, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, 'matplotlib', None)
    for script in ('curves', 'report', 'spatial_maps', 'explain'):
        with pytest.raises(SystemExit, match='0'):
            tool(f'analysis/{script}.py', '--help')
        assert 'usage: ' in capsys.readouterr().out
