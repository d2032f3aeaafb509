"""Paths that cannot be read or written end a tool with one line, before its work."""

import errno
import shutil
import sys

import mmpretrain
import pytest
import torch

from mmadf.utils import command_line
from tests.analysis.test_logs import BY_EPOCH, write
from tests.conftest import ROOT
from tests.helpers import named

WISE = ROOT / 'configs/wise_srnet/wisesrnet_tiny_scenes.py'
# All of them are refused before a config or a checkpoint is read.
OUT = {
    'analysis/curves': '{out}.png a={work}',
    'analysis/explain': '{job} lost.pth {images} {out}',
    'analysis/robustness': '{out}.png a={work}',
    'analysis/spatial_maps': 'lost.py lost.pth {out}.png',
    'export': 'lost.py lost.pth {out}.onnx',
    'model_converters/deploy': 'lost.py lost.pth {out}.pth',
    'robustness': 'lost.py lost.pth --out {out}',
    'test': 'lost.py lost.pth --out {out}.pkl',
    'study': '{study} --cfg-options work_dir={out}',
}


@pytest.fixture
def refuse(tool, tmp_path, capsys, image_folder):
    """Run a tool with invalid input; return the line that reports it."""
    write(tmp_path / 'work', '20260101_000000', BY_EPOCH)
    study = tmp_path / 'study.py'
    study.write_text(
        "variants = dict(a=dict(config='job.py'))\ncontrol = 'a'\nseeds = 1,"
    )

    def _refuse(name, words, **changes):
        paths = dict(work=tmp_path / 'work', images=image_folder, study=study)
        with pytest.raises(SystemExit) as left:
            tool(f'{name}.py', *words.format(**{**paths, **changes}).split())
        assert left.value.code == 2
        line = capsys.readouterr().err.strip().splitlines()[-1]
        assert line.startswith(f'{name.split("/")[-1]}.py: error: ')
        return line

    return _refuse


def test_full_disk_is_found_before_the_work(refuse, job, tmp_path, monkeypatch):
    def _full(**_):
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(command_line, 'TemporaryFile', _full)
    for name in OUT:
        with named(name):
            line = refuse(name, OUT[name], job=job, out=tmp_path / 'out')
            assert 'cannot be written: No space left on device' in line
            assert not (tmp_path / 'out').exists()


def test_folder_that_is_a_file_cannot_be_written(tmp_path):
    (tmp_path / 'note').write_text('x')
    with pytest.raises(OSError, match='note/a/b.* cannot be written: Not a directory'):
        command_line.check_writable(tmp_path / 'note' / 'a' / 'b')


def test_option_without_a_value(refuse):
    for name in ['train', 'test', 'study', 'robustness']:
        with named(name):
            words = 'lost.py' if name in ('train', 'study') else 'lost.py lost.pth'
            line = refuse(name, f'{words} --cfg-options foo')
            assert "--cfg-options: 'foo' is not of the form KEY=VALUE" in line


def test_config_of_a_network_without_data(refuse, tmp_path):
    net = tmp_path / 'net.py'
    net.write_text("model = dict(type='ImageClassifier')")
    for name, words in dict(train='{net}', test='{net} lost.pth --tta').items():
        with named(name):
            line = refuse(name, words, net=net)
            assert f'the config has no {name}_dataloader' in line


@pytest.fixture
def trained(job, tmp_path):
    """Return the work directory of a run of `job`."""
    work_dir = tmp_path / 'run'
    write(work_dir, '20260101_000000', BY_EPOCH)
    weights = mmpretrain.get_model(str(job)).state_dict()
    torch.save(dict(state_dict=weights), work_dir / 'best_accuracy_top1_epoch_2.pth')
    return work_dir


def test_report_refuses_data_that_do_not_fit(refuse, job, trained, image_folder):
    text, words = job.read_text(), f'{job} {trained}'
    job.write_text(text + 'test_dataloader = None\n')
    assert 'no test_dataloader' in refuse('analysis/report', words)
    job.write_text(text)
    shutil.copytree(image_folder / 'val' / 'dark', image_folder / 'val' / 'third')
    assert 'the test set has 3 classes' in refuse('analysis/report', words)
    assert '3 classes' in refuse(
        'robustness',
        f'{job} {trained}/best_accuracy_top1_epoch_2.pth --out {trained}/rob',
    )
    shutil.rmtree(image_folder / 'val')
    assert 'data_root=' in refuse('analysis/report', words)


def test_report_refuses_several_labels_per_image(refuse, job, trained):
    head = dict(type='MultiLabelLinearClsHead', num_classes=2, in_channels=64)
    job.write_text(f'{job.read_text()}model.update(head=dict(_delete_=True, **{head}))')
    line = refuse('analysis/report', f'{job} {trained}')
    assert 'model.head=MultiLabelLinearClsHead predicts more than one label' in line


def test_missing_package_is_found_before_the_test(refuse, monkeypatch):
    for package in ['Jinja2', 'matplotlib', 'tqdm']:
        with named(package), monkeypatch.context() as patch:
            patch.setitem(sys.modules, package.lower(), None)
            line = refuse('analysis/report', 'lost.py {work} --checkpoint lost.pth')
            assert f'pip install {package}' in line


def test_damaged_results_are_named(refuse, tmp_path):
    for text in ['', '[]', '{"rows": [{"a": 1}], "settings": {}}']:
        with named(text):
            (tmp_path / 'work' / 'results.json').write_text(text)
            line = refuse(
                'analysis/robustness', '{out}.png a={work}', out=tmp_path / 'out'
            )
            assert 'work/results.json is damaged' in line
