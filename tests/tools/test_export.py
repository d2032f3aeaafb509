import pytest
import torch

from tests.conftest import ROOT

pytest.importorskip('onnxscript')
runtime = pytest.importorskip('onnxruntime')

SCRIPT = ROOT / 'tools/export.py'
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
    """Return config and checkpoint of a network of grey images."""
    from mmpretrain import get_model

    config, checkpoint = tmp_path / 'net.py', tmp_path / 'net.pth'
    config.write_text(CONFIG)
    torch.save(get_model(str(config)).state_dict(), checkpoint)
    return config, checkpoint


@pytest.mark.slow
def test_the_script_exports_and_reports(python, files, tmp_path):
    out = tmp_path / 'net.onnx'
    done = python(SCRIPT, *files, out, '--probabilities', '--pt2')
    assert 'net.onnx: largest relative difference' in done.stdout
    assert f'wrote {out}' in done.stdout
    assert 'mean and std are not known: grey images' in done.stdout
    assert torch.export.load(tmp_path / 'net.pt2')
    session = runtime.InferenceSession(str(out), providers=['CPUExecutionProvider'])
    (entry,) = session.get_inputs()
    assert entry.shape == ['batch', 1, 32, 32]
    (found,) = session.run(None, {'images': torch.randn(3, 1, 32, 32).numpy()})
    assert torch.from_numpy(found).sum(1).tolist() == pytest.approx([1, 1, 1])
    assert 'classes' not in session.get_modelmeta().custom_metadata_map


@pytest.mark.slow
def test_a_difference_above_the_tolerance_ends_with_1(python, files, tmp_path):
    options = ['--tolerance', '1e-30', '--size', '32', '32']
    done = python(SCRIPT, *files, tmp_path / 'net.onnx', *options, check=False)
    assert done.returncode == 1
    assert 'net.onnx differs from PyTorch by' in done.stderr
    assert 'Traceback' not in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ['net.pth', 'net.py']


@pytest.mark.slow
def test_what_cannot_be_tried_ends_with_2(python, files, tmp_path):
    done = python(SCRIPT, *files, tmp_path / 'no' / 'net.onnx', check=False)
    assert done.returncode == 2
    assert done.stderr.strip().endswith('for net.onnx; create it.')
    assert 'Traceback' not in done.stderr
