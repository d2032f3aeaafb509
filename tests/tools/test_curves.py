import runpy
import sys
from importlib import util
from unittest import mock

import pytest

from tests.analysis.test_logs import BY_EPOCH, train, val, write
from tests.conftest import ROOT


@pytest.fixture
def curves():
    """Return tools/analysis/curves.py as a module."""
    spec = util.spec_from_file_location('curves', ROOT / 'tools/analysis/curves.py')
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def points(axes):
    return {
        line.get_label(): [tuple(p) for p in line.get_xydata()] for line in axes.lines
    }


def test_every_run_is_drawn_with_its_values(curves, tmp_path):
    pyplot = pytest.importorskip('matplotlib.pyplot')
    runs = dict(
        cnn=[train(50, 3.0), val(50, 1.0), train(100, 2.0), val(100, 4.0)],
        tanh=[train(50, 2.5), train(100, 1.5), val(100, 6.0)],
    )
    with mock.patch.object(pyplot, 'close') as close:
        curves.plot_runs(runs, 'accuracy/top1', tmp_path / 'new' / 'out.png')
    close.assert_called_once_with(pyplot.gcf())
    left, right = pyplot.gcf().axes
    assert points(left) == dict(cnn=[(50, 3), (100, 2)], tanh=[(50, 2.5), (100, 1.5)])
    assert points(right) == dict(cnn=[(50, 1), (100, 4)], tanh=[(100, 6)])
    assert (left.get_xlabel(), right.get_xlabel()) == ('iteration', 'iteration')
    assert right.get_ylabel() == 'accuracy/top1'
    assert (tmp_path / 'new' / 'out.png').read_bytes().startswith(b'\x89PNG')
    pyplot.close('all')


def test_runs_by_epochs_and_by_iterations_do_not_share_an_axis(curves, tmp_path):
    runs = dict(a=BY_EPOCH, b=[train(5, 1.0), val(5, 2.0)])
    with pytest.raises(ValueError, match='some runs count epochs and some iterations'):
        curves.plot_runs(runs, 'accuracy/top1', tmp_path / 'out.png')


def arguments(monkeypatch, *words):
    monkeypatch.setattr(sys, 'argv', ['curves.py', *map(str, words)])


def test_script_draws_and_tells_where_each_run_ended(
    curves, tmp_path, monkeypatch, capsys
):
    pytest.importorskip('matplotlib')
    write(tmp_path / 'one', '20260101_000000', [*BY_EPOCH, val(3, 25.0)])
    arguments(monkeypatch, tmp_path / 'out.png', f'one run={tmp_path / "one"}')
    curves.main()
    assert 'one run: 25.00 at 3, highest 30.00' in capsys.readouterr().out
    assert (tmp_path / 'out.png').exists()


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['a'], "'a' is not of the form NAME=DIR"),
        (['=a'], "'=a' is not of the form"),
        (['a=x', 'a=y'], 'a: give each a name of its own'),
    ],
)
def test_bad_arguments_are_named(words, message, curves, monkeypatch, capsys):
    arguments(monkeypatch, 'out.png', *words)
    with pytest.raises(SystemExit):
        curves.parse_args()
    assert message in capsys.readouterr().err


@pytest.mark.parametrize('name', ['curves', 'report', 'spatial_maps', 'explain'])
def test_help_needs_no_matplotlib(name, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, 'matplotlib', None)
    arguments(monkeypatch, '--help')
    with pytest.raises(SystemExit, match='0'):
        runpy.run_path(str(ROOT / f'tools/analysis/{name}.py'), run_name='__main__')
    assert 'usage: ' in capsys.readouterr().out


def test_missing_matplotlib_is_named(curves, monkeypatch):
    monkeypatch.setitem(sys.modules, 'matplotlib', None)
    with pytest.raises(ImportError, match='pip install matplotlib'):
        curves.import_pyplot()
