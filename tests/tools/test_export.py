import pytest
import torch

from mmadf.deployment import export

pytest.importorskip('onnxscript')
runtime = pytest.importorskip('onnxruntime')

CONFIG = """
default_scope = 'mmpretrain'
model = dict(
    type='ImageClassifier',
    backbone=dict(type='LeNet5'),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='LinearClsHead', num_classes=3, in_channels=120),
)
data_preprocessor = dict(mean=[128], std=[64])
pipeline = [
    dict(type='LoadImageFromFile', color_type='grayscale'),
    dict(type='Resize', scale=32),
    dict(type='PackInputs'),
]
test_dataloader = dict(dataset=dict(type='MNIST', pipeline=pipeline))
"""


@pytest.fixture
def files(tmp_path):
    """Return config and checkpoint of a network for grey images."""
    from mmpretrain import get_model

    config, checkpoint = tmp_path / 'net.py', tmp_path / 'net.pth'
    config.write_text(CONFIG)
    torch.save(get_model(str(config)).state_dict(), checkpoint)
    return config, checkpoint


@pytest.mark.slow
def test_the_script_exports_and_reports(tool, files, tmp_path, capsys):
    out = tmp_path / 'net.onnx'
    tool('export.py', *files, out, '--probabilities', '--pt2')
    printed = capsys.readouterr().out
    assert 'net.onnx: largest relative difference' in printed
    assert f'wrote {out}' in printed
    assert 'mean and std are unknown: the images are grey' in printed
    assert torch.export.load(tmp_path / 'net.pt2')
    session = runtime.InferenceSession(str(out), providers=['CPUExecutionProvider'])
    (entry,) = session.get_inputs()
    assert entry.shape == ['batch', 1, 32, 32]
    (found,) = session.run(None, {'images': torch.randn(3, 1, 32, 32).numpy()})
    assert torch.from_numpy(found).sum(1).tolist() == pytest.approx([1, 1, 1])
    assert 'classes' not in session.get_modelmeta().custom_metadata_map


@pytest.mark.slow
def test_a_difference_above_the_tolerance_exits_with_1(tool, files, tmp_path):
    options = ['--tolerance', '1e-30', '--size', '32', '32']
    with pytest.raises(SystemExit, match=r'net\.onnx differs from PyTorch by'):
        tool('export.py', *files, tmp_path / 'net.onnx', *options)
    assert sorted(path.name for path in tmp_path.iterdir()) == ['net.pth', 'net.py']


def test_a_bug_in_the_work_keeps_its_traceback(tool, files, tmp_path, monkeypatch):
    def _fail(*_):
        raise ValueError('a bug')

    monkeypatch.setattr(export, 'write_onnx', _fail)
    with pytest.raises(ValueError, match='a bug'):
        tool('export.py', *files, tmp_path / 'net.onnx')


def test_invalid_input_is_one_line_and_exit_code_2(tool, files, tmp_path, capsys):
    for out, options, words in [
        ('no/net.onnx', [], 'no does not exist'),
        ('net.onnx', ['--size', '1', '2', '3'], '--size takes one or two numbers'),
        ('net.onnx', ['--preprocess'], 'preprocess=True'),
    ]:
        with pytest.raises(SystemExit, match='2'):
            tool('export.py', *files, tmp_path / out, *options)
        line = capsys.readouterr().err.splitlines()[-1]
        assert line.startswith('export.py: error: ') and words in line
