import pytest

from tests.analysis.test_logs import BY_EPOCH, train, val, write

pytest.importorskip('matplotlib')


@pytest.fixture
def runs(tmp_path):
    """Return the work directory of a run by epochs and of one by iterations."""
    write(tmp_path / 'epochs', '20260101_000000', [*BY_EPOCH, val(3, 25.0)])
    write(tmp_path / 'steps', '20260101_000000', [train(50, 3.0), val(50, 1.0)])
    return tmp_path


def points(axes):
    return {
        line.get_label(): [tuple(p) for p in line.get_xydata()] for line in axes.lines
    }


def test_every_run_is_drawn_and_its_last_and_highest_metric_printed(
    tool, runs, monkeypatch, capsys
):
    from matplotlib import pyplot

    saved = []
    monkeypatch.setattr(pyplot, 'close', saved.append)
    out = runs / 'new' / 'out.png'
    tool('analysis/curves.py', out, f'one run={runs}/epochs', f'other={runs}/epochs')
    left, right = saved[0].axes
    expected = [(10, 3), (20, 2)]
    assert points(left) == {'one run': expected, 'other': expected}
    assert points(right)['one run'] == [(1, 20), (2, 30), (3, 25)]
    assert (right.get_xlabel(), right.get_ylabel()) == ('epoch', 'top-1 accuracy (%)')
    assert [text.get_text() for text in right.texts] == ['one run', 'other']
    assert not left.texts and left.get_legend() is None
    assert len({line.get_color() for line in left.lines}) == 2
    assert 'one run: 25.00 at 3, highest 30.00' in capsys.readouterr().out
    assert out.read_bytes().startswith(b'\x89PNG')


def test_invalid_input_is_one_line_and_exit_code_2(tool, runs, capsys, tmp_path):
    for words, message in [
        (['a'], "'a' is not of the form NAME=DIR"),
        (['a={runs}/epochs', 'b={runs}/steps'], "'a': 'epoch', 'b': 'iteration'"),
        (['a={runs}/lost'], 'lost contains no training log'),
        (['a={runs}/steps', '--metric', 'f1'], "metric='f1' has never been logged"),
    ]:
        with pytest.raises(SystemExit, match='2'):
            words = [word.format(runs=runs) for word in words]
            tool('analysis/curves.py', tmp_path / 'out.png', *words)
        assert message in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / 'out.png').exists()
