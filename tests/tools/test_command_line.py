"""Invalid input ends every tool with one line and code 2; a bug keeps its traceback."""

import re

import mmpretrain
import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook

from mmadf.registry import HOOKS
from tests.conftest import ROOT
from tests.helpers import named
from tests.weights.unsafe import save_unsafe

DIGITS = ROOT / 'configs/adf/adf_tiny_digits.py'
TOOLS = {
    'train': '{config} --work-dir {out}',
    'test': '{config} {checkpoint} --work-dir {out}',
    'export': '{config} {checkpoint} {out}.onnx',
    'model_converters/deploy': '{config} {checkpoint} {out}.pth',
    'analysis/complexity': '{config}',
    'analysis/explain': '{config} {checkpoint} {images} {out}',
    'analysis/spatial_maps': '{config} {checkpoint} {out}.png',
}


@pytest.fixture
def complaint(tmp_path, tool, capsys, image_folder):
    """Return a function that runs a tool and returns the line that it ends with."""

    def _complaint(name, *options, **changes):
        (tmp_path / 'note.txt').write_text('not a checkpoint')
        words = dict(config=DIGITS, checkpoint=tmp_path / 'note.txt')
        words = {**words, 'images': image_folder, 'out': tmp_path / 'out', **changes}
        line = TOOLS[name].format(**words).split()
        with pytest.raises(SystemExit) as left:
            tool(f'{name}.py', *line, *options)
        assert left.value.code == 2
        (line,) = capsys.readouterr().err.strip().splitlines()[-1:]
        assert line.startswith(f'{name.split("/")[-1]}.py: error: ')
        return line

    return _complaint


def test_missing_config_in_every_tool(complaint):
    for name in TOOLS:
        assert 'gone.py' in complaint(name, config='gone.py')


def test_file_that_is_no_config(complaint, tmp_path):
    texts = {
        'x = 1': 'has no `model`',
        'model = dict(': 'SyntaxError',
        "_base_ = './gone.py'": 'gone.py',
    }
    for text, words in texts.items():
        (tmp_path / 'mine.py').write_text(text)
        line = complaint('train', config=tmp_path / 'mine.py')
        assert 'mine.py' in line and words in line


LOADING = [name for name in TOOLS if '{checkpoint}' in TOOLS[name]]


def test_file_that_is_no_checkpoint_in_every_tool(complaint, job):
    for name in LOADING:
        assert 'note.txt' in complaint(name, config=job)


@pytest.mark.slow
def test_checkpoint_that_would_run_code_in_every_tool(complaint, job, tmp_path):
    marker = tmp_path / 'created'
    weights = mmpretrain.get_model(str(job)).state_dict()
    unsafe = save_unsafe(tmp_path / 'unsafe.pth', marker, state_dict=weights)
    uses = {name: () for name in LOADING}
    uses['train'] = '--resume', str(unsafe)
    for name, options in uses.items():
        line = complaint(name, *options, config=job, checkpoint=unsafe)
        assert 'unsafe.pth' in line and ' io.open, which' in line, name
        assert not marker.exists(), name
    load_from = f'load_from={unsafe}'
    line = complaint('train', '--cfg-options', load_from, config=job)
    assert 'unsafe.pth' in line and ' io.open, which' in line
    assert not marker.exists()


def test_config_with_a_tag_of_yaml_in_every_tool(complaint, tmp_path):
    marker = tmp_path / 'created'
    unsafe = tmp_path / 'unsafe.yaml'
    tag = f'!!python/object/apply:builtins.open ["{marker}", "w"]'
    unsafe.write_text(f'model: {tag}')
    for name in TOOLS:
        line = complaint(name, config=unsafe)
        assert 'unsafe.yaml' in line and 'python/object/apply' in line, name
        assert not marker.exists(), name


@pytest.mark.slow
def test_checkpoint_of_another_network_is_tested_in_part_only_on_request(
    complaint, tool, job, tmp_path, capsys
):
    weights = mmpretrain.get_model(str(job)).state_dict()
    weights['head.other'] = weights.pop('head.fc.weight')
    files = dict(config=job, checkpoint=tmp_path / 'other.pth', out=tmp_path / 'out')
    torch.save(dict(state_dict=weights), files['checkpoint'])
    found = '1 missing: head.fc.weight; 1 unexpected: head.other'
    line = complaint('test', **files)
    assert 'other.pth' in line and found in line
    tool('test.py', *TOOLS['test'].format(**files).split(), '--allow-partial')
    output = capsys.readouterr().out
    assert f'other.pth is loaded in part only: {found}' in output
    assert 'accuracy/top1' in output


@pytest.mark.slow
def test_invalid_field(complaint, job, tmp_path):
    torch.save(dict(state_dict={}), tmp_path / 'a.pth')
    files = dict(config=job, checkpoint=tmp_path / 'a.pth')
    for name, option, words in [
        ('train', 'train_dataloader.dataset.data_root=no/such', "data_root='no/such'"),
        ('train', 'model.head.num_classes=7', 'model.head.num_classes=7, .* 2 classes'),
        ('train', 'model.mapper.sources=(0,9)', r'sources=\(0, 9\)'),
        ('train', 'model.neck.gone=1', "unexpected keyword argument 'gone'"),
        ('train', 'train_dataloader.dataset.type=Gone', 'Gone is not in .*dataset'),
        ('train', 'load_from=gone.pth', "'gone.pth'"),
        ('train', 'optim_wraper.type=Gone', "'optim_wraper'.* 'optim_wrapper'"),
        ('test', 'test_evaluator.type=Gone', 'Gone is not in .*metric'),
    ]:
        with named(option):
            assert re.search(words, complaint(name, '--cfg-options', option, **files))


def test_invalid_option(complaint, job, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    for name, options, words in [
        ('train', '--launcher slurm', "launcher='slurm'"),
        ('train', '--launcher pytorch', 'RANK'),
        ('train', '--resume gone.pth', "'gone.pth'"),
        ('train', '--amp', '--amp needs a GPU'),
        ('test', '--out a.json', r'--out a.json .*\.pkl'),
        ('test', '--out a.txt --out-item metrics', r'--out a.txt .*\.json'),
    ]:
        with named(options):
            assert re.search(words, complaint(name, *options.split(), config=job))


def test_learning_rate_is_not_scaled_without_a_base_batch_size(complaint, job):
    cfg = Config.fromfile(job)
    del cfg._cfg_dict['auto_scale_lr']
    cfg.dump(job)
    assert 'base_batch_size' in complaint('train', '--auto-scale-lr', config=job)


def test_unreadable_image_and_checkpoints_of_an_earlier_run_stay(
    complaint, job, image_folder, tmp_path
):
    (image_folder / 'train' / 'dark' / '005.png').write_bytes(b'not an image')
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out' / 'epoch_1.pth').write_bytes(b'of an earlier run')
    assert 'dark/005.png' in complaint('train', '--overwrite', config=job)
    assert (tmp_path / 'out' / 'epoch_1.pth').read_bytes() == b'of an earlier run'


@HOOKS.register_module()
class FaultyHook(Hook):
    """Raises an error of a kind that invalid input raises, but while working."""

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        raise ValueError('a bug')

    before_test_iter = before_train_iter


@pytest.mark.parametrize('name', ['train', 'test'])
def test_errors_of_the_work_itself_keep_their_traceback(name, job, tool, tmp_path):
    weights = mmpretrain.get_model(str(job)).state_dict()
    torch.save(dict(state_dict=weights), tmp_path / 'a.pth')
    job.write_text(job.read_text() + "custom_hooks = [dict(type='FaultyHook')]\n")
    files = dict(config=job, checkpoint=tmp_path / 'a.pth', out=tmp_path / 'out')
    with pytest.raises(ValueError, match='a bug'):
        tool(f'{name}.py', *TOOLS[name].format(**files).split())


@pytest.mark.slow
def test_a_process_ends_with_one_line_and_code_2(python, job, tmp_path):
    done = python(
        *(ROOT / 'tools/train.py', job, '--work-dir', tmp_path / 'out'),
        *('--cfg-options', 'train_dataloader.dataset.type=Gone'),
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith('train.py: error: ')
    assert len(done.stderr.splitlines()) == 1
