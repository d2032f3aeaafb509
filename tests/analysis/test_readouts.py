from types import SimpleNamespace

import pytest
import torch
from mmengine.registry import DefaultScope
from mmpretrain.structures import DataSample
from torch.testing import assert_close

from mmadf.analysis import collect_scores
from mmadf.engine.readouts import chosen_readout, has_readouts, readouts
from mmadf.registry import MODELS
from tests.helpers import adf_cfg, randomise

LABELS = [0, 3, 1, 4, 2]


def build(**changes):
    cfg = adf_cfg(**changes)
    if cfg['type'] == 'ImageClassifier':
        cfg.pop('mapper')
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return randomise(MODELS.build(cfg), std=0.2)


def batches():
    images = torch.randn(5, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    samples = [DataSample().set_gt_label(label) for label in LABELS]
    parts = slice(0, 3), slice(3, 5)
    return images, [dict(inputs=images[p], data_samples=samples[p]) for p in parts]


@pytest.mark.parametrize('readout', ['semantic', 'sum'])
@torch.no_grad()
def test_the_scores_of_all_readouts_are_collected_in_order(readout):
    model = build(readout=readout)
    images, loader = batches()
    model.train()
    runner = SimpleNamespace(model=model, test_dataloader=loader)
    scores, labels = collect_scores(runner)
    assert labels.tolist() == LABELS
    expected = {k: v.softmax(1) for k, v in model.eval().scores(images).items()}
    assert_close(scores, expected)
    assert chosen_readout(model) == readout
    assert_close(readouts(model, images)[readout], model(images))


@torch.no_grad()
def test_another_classifier_has_one_readout():
    model = build(type='ImageClassifier')
    images, loader = batches()
    scores, labels = collect_scores(
        SimpleNamespace(model=model, test_dataloader=loader)
    )
    assert labels.tolist() == LABELS
    assert_close(scores, dict(prediction=model(images).softmax(1)))
    assert_close(readouts(model, images), dict(prediction=model(images)))
    assert chosen_readout(model) == 'prediction'
    assert not has_readouts(model)
