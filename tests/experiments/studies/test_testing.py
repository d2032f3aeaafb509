"""A test of a network leaves its predictions image by image, and its cost."""

import json
from io import BytesIO

import numpy as np
import pytest
import torch
from mmpretrain.structures import DataSample

from mmadf.analysis import cost_by_phase, total_cost
from mmadf.engine.readouts import readouts
from mmadf.experiments.studies.testing import Predictions, RecordingTestLoop
from tests.engine.test_readouts import LABELS, Images, build, run
from tests.helpers import backbone_cfg

LOOP = f'{RecordingTestLoop.__module__}.RecordingTestLoop'


@pytest.mark.parametrize('changes', [{}, dict(type='ImageClassifier')])
def test_predictions_and_costs_are_those_of_the_network(changes, tmp_path):
    model = build(**changes).eval()
    metrics = run(model, tmp_path, LOOP)
    images = torch.stack([image['inputs'] for image in Images()])
    with np.load(tmp_path / 'predictions.npz') as file:
        found = dict(file)
    result = json.loads((tmp_path / 'result.json').read_text())
    assert found.pop('label').tolist() == LABELS
    assert result['metrics'] == metrics
    for readout, logits in readouts(model, images).items():
        scores = logits.softmax(1).detach().numpy()
        prefix = '' if readout == result['readout'] else f'{readout}/'
        classes = found.pop(f'{readout}/class')
        accuracy = 100 * np.mean(classes == LABELS)
        assert accuracy == pytest.approx(metrics[f'{prefix}accuracy/top1'])
        assert classes.tolist() == scores.argmax(1).tolist()
        rows = range(len(LABELS))
        for name, columns in (('score', classes), ('label_score', LABELS)):
            values = found.pop(f'{readout}/{name}')
            assert values.dtype == np.float16
            np.testing.assert_allclose(values, scores[rows, columns], rtol=2e-3)
    assert not found
    deployed = total_cost(cost_by_phase(model, (32, 32))['deployed'])
    names = ('deployed_parameters', 'deployed_multiply_adds')
    assert tuple(result['costs'][name] for name in names) == deployed


def test_networks_for_grey_images_have_a_cost(tmp_path, monkeypatch):
    read = Images.__getitem__

    def _read_grey(images, index):
        item = read(images, index)
        return {**item, 'inputs': item['inputs'][:1]}

    monkeypatch.setattr(Images, '__getitem__', _read_grey)
    model = build(backbone=backbone_cfg(in_channels=1)).eval()
    run(model, tmp_path, LOOP)
    costs = json.loads((tmp_path / 'result.json').read_text())['costs']
    assert costs['trained_parameters'] == sum(p.numel() for p in model.parameters())


def test_classes_take_the_smallest_integers():
    for classes, kind in ((250, np.uint8), (300, np.uint16)):
        predictions = Predictions()
        scores = torch.zeros(classes)
        scores[-1] = 1
        sample = DataSample().set_gt_label(classes - 1).set_pred_score(scores)
        predictions.add(dict(prediction=[sample]))
        with np.load(BytesIO(predictions.to_bytes())) as file:
            assert file['prediction/class'].dtype == file['label'].dtype == kind
            assert file['prediction/label_score'] == 1


def test_images_with_several_labels_are_left_out():
    sample = DataSample().set_gt_label([0, 2]).set_pred_score(torch.ones(3))
    predictions = Predictions()
    predictions.add(dict(prediction=[sample]))
    assert predictions.labels == [] and predictions.columns == {}
