"""Scripts of tools/analysis and tools/model_converters that have no other test file."""

import sys

import mmpretrain
import pytest
import torch
from mmengine.config import Config

from mmadf.analysis import read_log
from mmadf.deployment import deploy
from tests.analysis.test_logs import BY_EPOCH, write
from tests.conftest import ROOT
from tests.engine.test_work_dir import save_best

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


WISE_SRNET = """
model = dict(
    type='ImageClassifier',
    backbone=dict(
        type='ResNet_CIFAR', depth=18, stem_channels=8, base_channels=8
    ),
    head=dict(type='WiseSrNetHead', num_classes=3, in_channels=64, map_size=7),
)
steps = [dict(type='LoadImageFromFile'), {resize}, dict(type='PackInputs')]
test_dataloader = dict(dataset=dict(type='CustomDataset', pipeline=steps))
"""


def test_complexity_counts_for_the_images_of_the_test_pipeline(tool, tmp_path, capsys):
    path = tmp_path / 'small.py'
    path.write_text(WISE_SRNET.format(resize="dict(type='Resize', scale=(56, 56))"))
    tool('analysis/complexity.py', path)
    by_default = capsys.readouterr().out
    assert by_default.startswith('image of 56 x 56 pixels\n')
    tool('analysis/complexity.py', path, '--size', '56')
    assert capsys.readouterr().out == by_default


def test_complexity_says_which_size_it_assumes(tool, capsys):
    config = ROOT / 'configs' / 'adf' / 'single_regnet_cifar100.py'
    tool('analysis/complexity.py', config)
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith('image of 224 x 224 pixels, assumed: ')
    assert first.endswith('no fixed size; see --size')
    tool('analysis/complexity.py', config, '--size', '32')
    assert capsys.readouterr().out.startswith('image of 32 x 32 pixels\n')


def test_complexity_of_a_network_with_other_options(tool, capsys):
    rows = []
    for options in ([], ['--cfg-options', 'model.mapper=None']):
        tool('analysis/complexity.py', DIGITS, *options)
        rows.append([row.split('|') for row in capsys.readouterr().out.splitlines()])
    fused, unfused = ([row[0].strip() for row in table] for table in rows)
    assert 'mappers.0' in fused and 'mappers.0' not in unfused
    assert [cell.strip() for cell in rows[1][-1]] == [
        'all / single',
        *['2.000'] * 2,
        *['1.000'] * 2,
    ]


def test_complexity_refuses_a_map_of_another_size(refuse, tmp_path):
    path = tmp_path / 'small.py'
    path.write_text(WISE_SRNET.format(resize="dict(type='ResizeEdge', scale=56)"))
    line = refuse('analysis/complexity.py', path)  # at 224 pixels
    assert 'got (28, 28); set map_size=(28, 28)' in line


def test_complexity_refuses_an_invalid_size(refuse):
    assert '--size 0' in refuse('analysis/complexity.py', DIGITS, '--size', '0')


def test_timm_networks_prints_rows_of_a_table(tool, capsys):
    pytest.importorskip('timm')
    tool('analysis/timm_networks.py', 'hrnet_w18_small', '--size', '64')
    head, _, row = capsys.readouterr().out.splitlines()[-3:]
    assert head == '| network | stages | cut | deployed | exported |'
    assert row.startswith('| hrnet_w18_small | ValueError: TIMMBackbone: ')


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
    assert '--out' in refuse(script, *arguments, '--out', tmp_path / 'a.png')
    assert '--wrong -1' in refuse(script, *arguments, '--wrong', '-1')
    assert not list(tmp_path.rglob('*.html'))


def test_report_of_best_checkpoints_of_two_metrics_asks_for_one(refuse, trained):
    checkpoint = trained / 'best_accuracy_top1_epoch_2.pth'
    checkpoint.unlink()
    save_best(trained, 'accuracy_top1', 2, **{'best_score_accuracy/top1': 0.5})
    save_best(trained, 'recall', 2, best_score_recall=0.6)
    line = refuse('analysis/report.py', DIGITS, trained)
    assert '2 metrics' in line and '--checkpoint' in line
    line = refuse('analysis/report.py', DIGITS, trained, '--checkpoint', checkpoint)
    assert 'metrics' not in line and checkpoint.name in line


def test_deploy_refuses_invalid_input(refuse, trained, tmp_path):
    checkpoint = trained / 'best_accuracy_top1_epoch_2.pth'
    assert '*.pth' in refuse(DEPLOY, DIGITS, checkpoint, tmp_path / 'small.onnx')
    assert 'lost.pth' in refuse(DEPLOY, DIGITS, 'lost.pth', tmp_path / 'small.pth')
    assert checkpoint.name in refuse(DEPLOY, DIGITS, checkpoint, tmp_path / 'small.pth')


@pytest.fixture
def adf(job, tmp_path):
    """Return config and checkpoint of a small ADF network."""
    weights = mmpretrain.get_model(str(job)).state_dict()
    torch.save(dict(state_dict=weights), tmp_path / 'adf.pth')
    return job, tmp_path / 'adf.pth'


DEPLOY = 'model_converters/deploy.py'


def test_deploy_writes_config_and_checkpoint(tool, adf, tmp_path, capsys):
    tool(DEPLOY, *adf, tmp_path / 'small.pth', '--no-fold')
    assert 'largest difference of a logit: 0.0e+00' in capsys.readouterr().out
    assert Config.fromfile(tmp_path / 'small.py').model.deploy == dict(fold=False)
    assert (tmp_path / 'small.pth').exists()


def test_deploy_exits_with_1_if_the_prediction_would_change(
    tool, adf, tmp_path, monkeypatch
):
    monkeypatch.setattr(deploy, 'TOLERANCE', -1)
    with pytest.raises(SystemExit, match='differ by .*nothing was written'):
        tool(DEPLOY, *adf, tmp_path / 'small.pth')


def test_a_bug_in_the_work_of_deploy_keeps_its_traceback(
    tool, adf, tmp_path, monkeypatch
):
    monkeypatch.setattr(deploy, 'deployed_config', fail_like_invalid_input)
    with pytest.raises(ValueError, match='a bug'):
        tool(DEPLOY, *adf, tmp_path / 'small.pth')


def fail_like_invalid_input(*_):
    raise ValueError('a bug')


def test_help_needs_no_matplotlib(tool, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, 'matplotlib', None)
    for script in ('curves', 'report', 'spatial_maps', 'explain'):
        with pytest.raises(SystemExit, match='0'):
            tool(f'analysis/{script}.py', '--help')
        assert 'usage: ' in capsys.readouterr().out
