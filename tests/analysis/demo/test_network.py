import numpy as np
import PIL.Image
import pytest
import torch
from mmpretrain import ImageClassificationInferencer
from torch import nn
from torch.testing import assert_close

from mmadf.analysis.demo.network import DemoNetwork, distinct
from mmadf.analysis.demo.uploads import UploadError
from tests.helpers import named

from .conftest import CLASSES, PIPELINE, PLAIN, build_network

TURNED = PIL.Image.Exif()
TURNED[274] = 6  # the camera was held upright
# By kind of image: file extension, and what is written.
FORMATS = {
    'jpeg': ('jpg', lambda image, path: image.save(path)),
    'rotated': ('jpg', lambda image, path: image.save(path, exif=TURNED)),
    'transparent': ('png', lambda image, path: image.convert('RGBA').save(path)),
    'grey': ('png', lambda image, path: image.convert('L').save(path)),
    'palette': ('png', lambda image, path: image.convert('P').save(path)),
    'sixteen bits': (
        'png',
        lambda image, path: PIL.Image.fromarray(
            np.asarray(image.convert('L')).astype(np.uint16) * 256
        ).save(path),
    ),
    'animated': (
        'gif',
        lambda image, path: image.save(
            path, save_all=True, append_images=[image.rotate(180)]
        ),
    ),
    'cmyk': ('jpg', lambda image, path: image.convert('CMYK').save(path)),
    'webp': ('webp', lambda image, path: image.save(path)),
}


@pytest.mark.parametrize('model', [None, PLAIN], ids=['adf', 'plain'])
def test_probabilities_are_those_of_the_inferencer(model, photo, tmp_path):
    network = build_network(model)
    inferencer = ImageClassificationInferencer(network.model)
    for kind, (extension, save) in FORMATS.items():
        path = tmp_path / f'image.{extension}'
        save(PIL.Image.open(photo), path)
        scores = network.scores(network.read(path).batch)
        with named(kind):
            (told,) = inferencer(str(path))
            assert_close(scores, torch.from_numpy(told['pred_scores']))
    assert list(network.named(scores)) == list(CLASSES)
    assert list(network.named(scores).values()) == scores.tolist()


def test_photographs_are_shown_upright_and_as_the_network_takes_them(
    network, photo, tmp_path
):
    path = tmp_path / 'turned.jpg'
    PIL.Image.open(photo).save(path, exif=TURNED, quality=100, subsampling=0)
    shown = network.read(path).shown  # turned clockwise: blue on the left, red right
    assert shown.shape == (32, 32, 3)
    assert shown[:, :12, 2].min() > 150 > 100 > shown[:, 20:, 2].max()
    assert shown[:, 20:, 0].min() > 150 > 100 > shown[:, :12, 0].max()


def test_photographs_of_an_rgb_pipeline_have_their_colours(photo):
    steps = dict(type='NumpyToPIL', to_rgb=True), dict(type='PILToNumpy', to_bgr=False)
    network = build_network(pipeline=[*PIPELINE[:-1], *steps, PIPELINE[-1]])
    shown = network.read(photo).shown  # red above, blue below
    assert shown[:12, :, 0].min() > 150 > 100 > shown[20:, :, 0].max()


def test_factor_changes_the_prediction_only_where_mappers_act(network, photo):
    batch = network.read(photo).batch
    own, without = network.scores(batch), network.scores(batch, factor=0)
    model = network.model
    with torch.no_grad():
        alone = model.head(model.neck(model.backbone(batch)))[0].softmax(0)
        assert torch.equal(own, model(batch)[0].softmax(0))
    assert torch.equal(without, alone)
    assert (own - without).abs().max() > 1e-3
    plain = build_network(PLAIN)
    assert not plain.mixes
    assert torch.equal(plain.scores(batch), plain.scores(batch, factor=0))


def test_classes_of_equal_names_keep_their_probabilities():
    network = build_network(classes=('crane', 'dog', 'crane', 'cat', 'cow'))
    told = network.named(torch.tensor([0.1, 0.2, 0.3, 0.25, 0.15]))
    assert told['crane (class 0)'] == pytest.approx(0.1)
    assert told['crane (class 2)'] == pytest.approx(0.3)
    assert len(told) == 5
    assert distinct(['a', 'b']) == ['a', 'b']


def test_bad_upload_is_refused_before_the_network_sees_it(network, tmp_path):
    path = tmp_path / 'notes.png'
    path.write_text('no image')
    with pytest.raises(UploadError, match='notes.png'):
        network.read(path)


def test_model_that_is_no_classifier_is_refused():
    with pytest.raises(TypeError, match='model=Linear is no classifier; give config'):
        DemoNetwork(nn.Linear(1, 1), None, None)
