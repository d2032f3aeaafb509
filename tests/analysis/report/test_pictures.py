"""What is drawn, read from the figures before they are closed."""

from base64 import b64decode

import pytest

from mmadf.analysis.calibration import reliability
from mmadf.analysis.report import pictures
from tests.analysis.test_logs import BY_EPOCH, train, val


@pytest.fixture
def figures(monkeypatch):
    """Return the figures that are saved, still open, instead of closing them."""
    pyplot = pytest.importorskip('matplotlib.pyplot')
    saved = []
    monkeypatch.setattr(pyplot, 'close', saved.append)
    yield saved
    monkeypatch.undo()
    pyplot.close('all')


def curves(axes):
    return {line.get_label(): line.get_xydata().tolist() for line in axes.lines}


def test_losses_of_both_heads(figures):
    losses = dict(semantic_loss=2.0, appearance_loss=1.5, orthogonality_loss=0.1)
    found = pictures.plot_losses([train(10, 3.0, epoch=1, **losses), val(1, 20.0)])
    (axes,) = figures[0].axes
    expected = {'appearance loss': [[10, 1.5]], 'semantic loss': [[10, 2.0]]}
    assert curves(axes) == expected
    assert (axes.get_xlabel(), axes.get_yscale()) == ('iteration', 'linear')
    kind, _, content = found.partition(';base64,')
    assert kind == 'data:image/svg+xml'
    assert b'>semantic loss</text>' in b64decode(content)


def test_names_of_losses_are_no_formulas():
    pytest.importorskip('matplotlib')
    losses = {'semantic_loss': 2.0, '$x^{$_loss': 1.0}
    content = pictures.plot_losses([train(10, 3.0, **losses)]).partition('base64,')[2]
    assert b'>$x^{$ loss</text>' in b64decode(content)


def test_only_loss(figures):
    pictures.plot_losses([train(10, 3.0, epoch=1), train(20, 2.0)])
    assert list(curves(figures[0].axes[0]).values()) == [[[10, 3.0], [20, 2.0]]]


def test_losses_over_several_decades_have_a_logarithmic_scale(figures):
    pictures.plot_losses([train(10, 3.0), train(20, 0.2)])
    (axes,) = figures[0].axes
    assert axes.get_yscale() == 'log'
    labels = [text.get_text() for text in axes.get_yticklabels()]
    assert {'0.2', '0.5', '1', '2'} <= set(labels)


def test_validation_accuracy_by_whole_epochs(figures):
    assert pictures.plot_validation(BY_EPOCH)
    (axes,) = figures[0].axes
    assert list(curves(axes).values()) == [[[1, 20.0], [2, 30.0]]]
    assert axes.get_xlabel() == 'epoch'
    assert axes.get_ylabel() == 'validation top-1 accuracy (%)'
    assert all(float(x).is_integer() for x in axes.get_xticks())


def test_run_without_top1_shows_the_metric_that_it_logged_first(figures):
    other = {'single-label/precision_classwise': [5.0, 9.0], 'single-label/f1': 7.0}
    assert pictures.plot_validation([train(10, 3.0), dict(step=1, time=0.1, **other)])
    (axes,) = figures[0].axes
    assert list(curves(axes).values()) == [[[10, 7.0]]]
    assert axes.get_ylabel() == 'validation single-label/f1'


def test_run_without_validation_has_no_picture_of_it():
    assert pictures.plot_validation([train(10, 3.0)]) == ''


def test_reliability_diagram_shows_accuracy_and_images_of_each_bin(figures):
    bins = reliability([0.95, 0.96, 0.5], [1, 0, 1])
    pictures.plot_reliability(bins)
    above, below = figures[0].axes
    assert [bar.get_height() for bar in above.patches][-1] == 50
    assert [bar.get_height() for bar in below.patches] == [bin.images for bin in bins]
    assert below.patches[7].get_x() == pytest.approx(7 / 15)


def test_equal_runs_give_equal_files():
    pytest.importorskip('matplotlib')
    assert pictures.plot_losses(BY_EPOCH) == pictures.plot_losses(BY_EPOCH)


def test_a_run_without_logged_losses_has_no_plot():
    assert pictures.plot_losses([val(1, 20.0)]) == ''
