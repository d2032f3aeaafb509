import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.testing import assert_close

from mmadf.analysis.explain.evidence import grad_cam
from mmadf.analysis.report.evidence import draw_evidence, explained_part
from mmadf.analysis.report.predictions import WrongImage
from tests.analysis.report.examples import build

pytest.importorskip('captum')
NETWORKS = {
    'the semantic branch with fusion': {},
    'the semantic branch': dict(mapper=None),
    'the appearance branch': dict(readout='appearance'),
    'the network': dict(type='ImageClassifier'),
}


def by_hand(branch, maps, target):
    """Return Grad-CAM as its paper defines it, from the maps of all stages."""
    last = maps[-1].detach().requires_grad_()
    logits = branch.logits([*maps[:-1], last])
    (gradient,) = torch.autograd.grad(logits[0, target], last)
    weights = gradient.mean((2, 3), keepdim=True)
    return (weights * last).sum(1)[0].clamp(min=0).detach()


@pytest.mark.parametrize('name', NETWORKS)
def test_evidence_of_each_class_is_grad_cam_of_the_part_that_predicts(name):
    model = build(**NETWORKS[name])
    image = torch.randn(1, 3, 64, 64)
    part, shown = explained_part(model)
    assert shown == name
    assert_close(part(image), model(image))
    found = grad_cam(part, image, [3, 1])
    if name == 'the semantic branch with fusion':
        maps = model.fused_maps(image)
    else:
        maps = part.branch.maps(image)
    expected = torch.stack([by_hand(part.branch, maps, k) for k in (3, 1)])
    assert expected.max() > 0
    assert_close(found, expected)


def test_pictures_of_a_wrong_prediction():
    pytest.importorskip('matplotlib')
    model = build()
    wrong = WrongImage(torch.randn(3, 32, 32), None, 0, 2, 4, 0.1, 0.9)
    found = draw_evidence(model, explained_part(model)[0], wrong, True)
    assert len(set(found)) == 3
    assert all(uri.startswith('data:image/jpeg;base64,') for uri in found)


@pytest.mark.parametrize(('is_bgr', 'red'), [(True, 2), (False, 0)])
def test_colours_are_those_of_the_image(is_bgr, red):
    pytest.importorskip('matplotlib')
    model = build()
    inputs = torch.zeros(3, 32, 32, dtype=torch.uint8)
    inputs[red] = 250
    wrong = WrongImage(inputs, None, 0, 2, 4, 0.1, 0.9)
    uri, *_ = draw_evidence(model, None, wrong, is_bgr)
    content = base64.b64decode(uri.partition(',')[2])
    pixel = np.asarray(Image.open(io.BytesIO(content)).convert('RGB'))[16, 16]
    assert pixel[0] > 200 and pixel[2] < 50


class Other(nn.Module):
    data_preprocessor = staticmethod(lambda data: data)


def test_another_network_has_an_image_without_evidence():
    pytest.importorskip('matplotlib')
    part, reason = explained_part(Other())
    assert part is None
    assert 'Other' in reason
    wrong = WrongImage(torch.randn(3, 32, 32), None, 0, 2, 4, 0.1, 0.9)
    image, *evidence = draw_evidence(Other(), part, wrong, True)
    assert image.startswith('data:image/jpeg;base64,')
    assert evidence == [None, None]


def test_backbone_of_an_unknown_family_has_no_evidence():
    model = build(type='ImageClassifier')
    model.backbone = nn.Conv2d(3, 64, 1)
    part, reason = explained_part(model)
    assert part is None
    assert 'Conv2d' in reason
