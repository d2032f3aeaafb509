import json
import sys
from pathlib import Path

import mmpretrain
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmpretrain import ImageClassificationInferencer
from mmpretrain.models.utils import ShiftWindowMSA
from PIL import Image
from torch.onnx._internal.exporter import _onnx_program
from torch.testing import assert_close

from mmadf.deployment import DeploymentError, export_classifier
from mmadf.deployment import export as module
from mmadf.deployment.network import ExportNetwork, prepare
from mmadf.models.layers import DecoupledConv2d
from mmadf.registry import MODELS
from mmadf.weights.load import load_network, read_config
from tests.conftest import ROOT
from tests.deployment.conftest import NORMALISE, PIPELINE

pytest.importorskip('onnxscript')
runtime = pytest.importorskip('onnxruntime')

CLASSES = ('ant', 'bee', 'Kröte', 'dog', 'elk')
META = dict(dataset_meta=dict(classes=CLASSES))
ADF = dict(type='mmadf.ADFClassifier', mapper=dict(type='Mapper', sources=(0, 1)))
WISE_SRNET = dict(
    backbone=dict(type='OneDecoupledLayer'),
    neck=None,
    head=dict(type='mmadf.WiseSrNetHead', num_classes=5, in_channels=8, map_size=32),
)


@MODELS.register_module()
class OneDecoupledLayer(torch.nn.Module):
    """A backbone that is one decoupled convolution of 3 to 8 channels."""

    def __init__(self):
        super().__init__()
        options = dict(magnitude='segmented', angle='cosine')
        self.conv = DecoupledConv2d(3, 8, 3, padding=1, **options)

    def forward(self, x):
        return (self.conv(x),)


@MODELS.register_module()
class Windows(torch.nn.Module):
    """A backbone that returns the image, split into windows of Swin and merged."""

    def forward(self, x):
        windows = ShiftWindowMSA.window_partition(x.permute(0, 2, 3, 1), 8)
        x = ShiftWindowMSA.window_reverse(windows, *x.shape[2:], 8)
        return (x.permute(0, 3, 1, 2),)


@MODELS.register_module()
class WrongInFile(torch.nn.Module):
    """Divides by the batch size, but in the graph by that of the example."""

    def forward(self, x):
        return (x / (2 if torch.compiler.is_compiling() else len(x)),)


@MODELS.register_module()
class DataDependent(torch.nn.Module):
    """Branches on a value, which torch.export refuses."""

    def forward(self, x):
        return (x if x.sum() > 0 else -x,)


HEAD3 = dict(type='LinearClsHead', num_classes=5, in_channels=3)
SMALL = dict(backbone=dict(type='Windows'), head=HEAD3)


def open_session(path):
    return runtime.InferenceSession(str(path), providers=['CPUExecutionProvider'])


def metadata(path):
    return open_session(path).get_modelmeta().custom_metadata_map


def onnx(path, images):
    (found,) = open_session(path).run(None, {'images': images.numpy()})
    return torch.from_numpy(found)


@torch.no_grad()
def logits(files, images):
    model = mmpretrain.get_model(files[0], pretrained=files[1])
    return model(images, mode='tensor')


def images(count):
    return F.interpolate(torch.randn(count, 3, 4, 4), (32, 32))


def silent(_):
    pass


@pytest.fixture(scope='module')
def adf(write_files):
    """Return config, checkpoint and exported files of an ADF network."""
    config, checkpoint = write_files(ADF, meta=META)
    out = f'{config[:-3]}.onnx'
    lines = []
    worst = export_classifier(config, checkpoint, out, pt2=True, log=lines.append)
    return config, checkpoint, out, worst, lines


@pytest.mark.slow
def test_onnx_and_pt2_give_the_logits_of_an_adf_network(adf):
    x = images(7)
    expected = logits(adf[:2], x)
    assert expected.std(0).min() > 1e-2  # or any file would do
    assert_close(onnx(adf[2], x), expected, rtol=1e-4, atol=1e-5)
    program = torch.export.load(f'{adf[0][:-3]}.pt2').module()
    assert_close(program(x), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_onnx_gives_the_logits_of_wise_srnet_behind_decoupled_layers(
    write_files, tmp_path
):
    files = write_files(WISE_SRNET)
    export_classifier(*files, tmp_path / 'net.onnx', log=silent)
    x = images(7)
    expected = logits(files, x)
    assert expected.std(0).min() > 1e-2
    assert_close(onnx(tmp_path / 'net.onnx', x), expected, rtol=1e-4, atol=1e-5)
    assert not (tmp_path / 'net.pt2').exists()


@pytest.mark.slow
def test_weights_in_a_file_of_their_own_are_written_and_compared(
    write_files, tmp_path, monkeypatch
):
    monkeypatch.setattr(_onnx_program, '_LARGE_MODEL_THRESHOLD', 1000)
    files = write_files()
    export_classifier(*files, tmp_path / 'net.onnx', log=silent)
    assert {p.name for p in tmp_path.iterdir()} == {'net.onnx', 'net.onnx.data'}
    x = images(3)
    assert_close(onnx(tmp_path / 'net.onnx', x), logits(files, x), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_the_difference_and_each_step_are_reported(adf):
    _, checkpoint, out, worst, lines = adf
    assert 0 <= worst < 1e-5
    said = '\n'.join(lines)
    for part in (checkpoint, 'torch.export', 'ONNX', f'{worst:.1e}', f'wrote {out}'):
        assert part in said
    assert 'warning' not in said


@pytest.mark.slow
def test_metadata_describe_input_and_output(adf):
    meta = metadata(adf[2])
    assert json.loads(meta['classes']) == list(CLASSES)
    assert json.loads(meta['mean']) == pytest.approx(NORMALISE['mean'])
    assert json.loads(meta['std']) == pytest.approx(NORMALISE['std'])
    assert json.loads(meta['input_size']) == [32, 32]
    assert json.loads(meta['test_pipeline']) == PIPELINE[1:3]
    words = dict(layout='NCHW', dtype='float32', channel_order='RGB', output='logits')
    assert {**meta, **words, 'normalisation': 'outside'} == meta
    session = open_session(adf[2])
    (entry,), (output,) = session.get_inputs(), session.get_outputs()
    assert entry.shape == ['batch', 3, 32, 32]
    assert (output.name, output.shape) == ('logits', ['batch', 5])


@pytest.mark.slow
def test_files_contain_no_local_paths(adf):
    for suffix in ('.onnx', '.pt2'):
        content = Path(f'{adf[0][:-3]}{suffix}').read_bytes()
        for path in (str(ROOT), 'site-packages', adf[0]):
            assert path.encode() not in content


# Neither changes an image of 32 x 32 pixels.
BGR = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=32),
    dict(type='PackInputs'),
]
RGB = [
    dict(type='LoadImageFromFile'),
    dict(type='NumpyToPIL', to_rgb=True),
    dict(type='torchvision/Resize', size=(32, 32)),
    dict(type='PILToNumpy', to_bgr=False),
    dict(type='PackInputs'),
]


@pytest.mark.parametrize(
    ('pipeline', 'preprocessor'),
    [
        (BGR, dict(to_rgb=True)),
        pytest.param(
            BGR,
            dict(to_rgb=False, pad_size_divisor=20, pad_value=3),
            marks=pytest.mark.slow,
        ),
        pytest.param(RGB, dict(to_rgb=False), marks=pytest.mark.slow),
    ],
)
@pytest.mark.slow
def test_pixels_become_the_probabilities_of_the_inferencer(
    pipeline, preprocessor, write_files, tmp_path
):
    files = write_files(SMALL, pipeline=pipeline, meta=META, **preprocessor)
    out = tmp_path / 'net.onnx'
    export_classifier(*files, out, preprocess=True, probabilities=True, log=silent)
    coarse = np.random.default_rng(0).integers(0, 256, (3, 4, 4, 3), dtype=np.uint8)
    pixels = coarse.repeat(8, axis=1).repeat(8, axis=2)
    pixels[..., 2] |= 128  # blue, so that swapped channels show
    paths = [str(tmp_path / f'{i}.png') for i in range(len(pixels))]
    for path, image in zip(paths, pixels, strict=True):
        Image.fromarray(image).save(path)
    results = ImageClassificationInferencer(*files, device='cpu')(paths)
    expected = np.stack([result['pred_scores'] for result in results])
    assert expected.max() < 0.999 and np.ptp(expected, axis=0).max() > 1e-2
    found = onnx(out, torch.from_numpy(pixels)).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    swapped = onnx(out, torch.from_numpy(pixels[..., ::-1].copy())).numpy()
    assert abs(swapped - expected).max() > 1e-3
    meta = metadata(out)
    said = dict(channel_order='RGB', normalisation='inside', layout='NHWC')
    assert {**meta, **said, 'dtype': 'uint8', 'output': 'probabilities'} == meta
    assert json.loads(meta['input_size']) == [32, 32]


@pytest.mark.slow
def test_a_file_that_is_wrong_for_other_batches_is_not_left(write_files, tmp_path):
    files = write_files(dict(SMALL, backbone=dict(type='WrongInFile')))
    out = tmp_path / 'net.onnx'
    out.write_text('older')
    with pytest.raises(
        DeploymentError, match=r'net\.onnx differs .* tolerance=1.0e-04'
    ):
        export_classifier(*files, out, size=(8, 8), pt2=True, log=silent)
    assert [path.name for path in tmp_path.iterdir()] == ['net.onnx']
    assert out.read_text() == 'older'


@pytest.mark.slow
def test_a_wrong_pt2_file_is_not_left(write_files, tmp_path, monkeypatch):
    monkeypatch.setattr(module, 'run_pt2', lambda path: torch.zeros_like)
    with pytest.raises(DeploymentError, match=r'net\.pt2 differs'):
        out = tmp_path / 'net.onnx'
        export_classifier(*write_files(SMALL), out, pt2=True, log=silent)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_constant_scores_and_ignored_class_names_are_reported(write_files, tmp_path):
    meta = dict(dataset_meta=dict(classes=['cat', 'dog']))
    files, lines = write_files(SMALL, std=0, meta=meta), []
    export_classifier(*files, tmp_path / 'net.onnx', log=lines.append)
    assert any('scores hardly depend on the image' in line for line in lines)
    assert 'ignored 2 class names: the network has 5 outputs' in lines
    assert 'classes' not in metadata(tmp_path / 'net.onnx')


@pytest.mark.parametrize(
    ('model', 'options', 'words'),
    [
        (
            dict(backbone=dict(type='DataDependent')),
            {},
            'cannot be exported: .*(depend|control flow)',  # PyTorch 2.15, older
        ),
        (
            dict(backbone=dict(type='OneDecoupledLayer'), head=None),
            {},
            r'returns tuple instead of scores, \(N, K\)',
        ),
        (WISE_SRNET, dict(size=(16, 16)), r'fails for .*\(2, 3, 16, 16\)'),
    ],
)
def test_a_network_that_cannot_be_exported_is_reported(
    model, options, words, write_files, tmp_path
):
    files = write_files({**SMALL, **model})
    with pytest.raises(DeploymentError, match=words):
        export_classifier(*files, tmp_path / 'net.onnx', log=silent, **options)
    assert not list(tmp_path.iterdir())


MULTI_LABEL = dict(type='MultiLabelLinearClsHead', num_classes=5, in_channels=3)
NORMALISED = [*BGR[:2], dict(type='Normalize', mean=[1] * 3, std=[2] * 3), BGR[2]]


def test_arguments_that_do_not_fit_the_network_are_refused(write_files, tmp_path):
    multi_label = dict(head=MULTI_LABEL)
    for model, pipeline, options, words in [
        ({}, None, {}, r'size=None .*no test pipeline\); give --size'),
        ({}, [BGR[0], BGR[2]], {}, r'size=None .*no fixed size\); give --size'),
        ({}, BGR, dict(size=(0, 8)), r'size=\(0, 8\) must be a positive'),
        ({}, NORMALISED, dict(preprocess=True), 'preprocess=True .*changes pixel val'),
        (multi_label, BGR, dict(probabilities=True), 'probabilities=True .*MultiLabel'),
    ]:
        files = write_files({**SMALL, **model}, pipeline)
        with pytest.raises(ValueError, match=words):
            out = tmp_path / 'net.onnx'
            export_classifier(*files, out, log=silent, on_start=pytest.fail, **options)
    assert not list(tmp_path.iterdir())


def test_invalid_arguments_are_found_before_any_work():
    for changes, error, words in [
        (dict(out='no/net.onnx'), FileNotFoundError, 'out=no/net.onnx: the folder no'),
        (dict(out='net.pt'), ValueError, r'out=net.pt must be .*\*\.onnx'),
        (dict(tolerance=0), ValueError, 'tolerance=0 must be > 0'),
        (dict(), FileNotFoundError, 'no.py'),
    ]:
        arguments = dict(config='no.py', checkpoint=__file__, out='net.onnx')
        with pytest.raises(error, match=words):
            export_classifier(**{**arguments, **changes})


def test_missing_package_is_named_with_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)
    words = 'onnxruntime cannot .*: pip install onnx onnxruntime onnxscript'
    with pytest.raises(ImportError, match=words):
        export_classifier('no.py', 'no.pth', 'net.onnx')


@pytest.mark.parametrize(('preprocess', 'side'), [(False, 40), (True, 32)])
def test_input_size_is_that_of_the_images_that_the_file_takes(
    preprocess, side, write_files
):
    """The data preprocessor pads images of 32 pixels to a multiple of 20."""
    config, checkpoint = write_files(pad_size_divisor=20)
    cfg = read_config(config)
    model, meta = load_network(cfg, checkpoint)
    exported = prepare(model, cfg, meta, None, preprocess, False, print)
    assert json.loads(exported.metadata['input_size']) == [side, side]
    axes = (1, 2) if preprocess else (2, 3)
    assert {tuple(x.shape[a] for a in axes) for x in exported.batches} == {(side, side)}


def test_reported_difference_is_the_largest_of_all_files(tmp_path, monkeypatch):
    network = torch.nn.Linear(2, 3).requires_grad_(False)
    errors = {'.onnx': 3e-5, '.pt2': 1e-5}
    for suffix, error in errors.items():
        (tmp_path / f'net{suffix}').touch()
        run = lambda path, error=error: lambda x: network(x) * (1 + error)  # noqa: E731
        monkeypatch.setattr(module, f'run_{suffix[1:]}', run)
    exported = ExportNetwork(network, [torch.randn(3, 2)], {})
    found = module._compare(exported, tmp_path, 1e-4, print)
    assert found == pytest.approx(3e-5, rel=1e-2)
