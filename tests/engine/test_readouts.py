import json
import pickle
from statistics import fmean

import pytest
import torch
from mmengine.evaluator import BaseMetric, DumpResults
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from mmpretrain.structures import DataSample
from torch import nn
from torch.utils.data import Dataset

from mmadf.engine.readouts import predict_readouts
from mmadf.registry import MODELS
from tests.helpers import adf_cfg, randomise

LABELS = [0, 1, 2, 3, 4, 0, 1]


class Images(Dataset):
    metainfo = {}

    def __len__(self):
        return len(LABELS)

    def __getitem__(self, index):
        image = torch.randn(3, 32, 32, generator=torch.Generator().manual_seed(index))
        return dict(inputs=image, data_samples=DataSample().set_gt_label(LABELS[index]))


class MeanScore(BaseMetric):
    """Mean probability of the label: no two readouts have the same."""

    def process(self, data_batch, data_samples):
        for sample in data_samples:
            label = int(sample['gt_label'])
            self.results.append(float(sample['pred_score'][label]))

    def compute_metrics(self, results):
        return dict(score=fmean(results), images=len(results))


def build(**changes):
    cfg = adf_cfg(**changes)
    if cfg['type'] == 'ImageClassifier':
        cfg.pop('mapper')
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return randomise(MODELS.build(cfg), std=0.2)


def run(model, tmp_path, loop, *metrics, times=1, **test_cfg):
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        runner = Runner(
            model,
            str(tmp_path),
            test_dataloader=dict(
                batch_size=3,
                dataset=Images(),
                sampler=dict(type='DefaultSampler', shuffle=False),
                collate_fn=dict(type='default_collate'),
            ),
            test_cfg=dict(type=loop, **test_cfg),
            test_evaluator=[dict(type='Accuracy', topk=(1, 2)), MeanScore(), *metrics],
            experiment_name=f'{tmp_path.name}_{loop}_{id(model)}',
            log_level='ERROR',
            default_scope='mmpretrain',
        )
        return [runner.test() for _ in range(times)][-1]


@pytest.mark.parametrize('readout', ['semantic', 'sum'])
def test_each_readout_gets_what_it_would_get_alone(readout, tmp_path):
    model = build(readout=readout)
    found = run(model, tmp_path, 'mmadf.ReadoutsTestLoop')
    alone = {}
    for name in ('semantic', 'appearance', 'sum'):
        model.readout = name
        prefix = '' if name == readout else f'{name}/'
        metrics = run(model, tmp_path, 'TestLoop')
        alone.update({f'{prefix}{key}': value for key, value in metrics.items()})
    assert found == pytest.approx(alone)
    assert found['images'] == len(LABELS)
    assert len({value for key, value in found.items() if key.endswith('score')}) == 3


def test_all_readouts_are_logged_in_every_test(tmp_path):
    found = run(build(), tmp_path, 'mmadf.ReadoutsTestLoop', times=2)
    (log,) = tmp_path.rglob('*.json')
    logged = json.loads(log.read_text().splitlines()[-1])
    scores = {name: value for name, value in found.items() if name.endswith('score')}
    assert set(scores) == {'score', 'appearance/score', 'sum/score'}
    assert {name: logged[name] for name in scores} == pytest.approx(scores, abs=1e-4)


def test_classifier_without_readouts_is_tested_as_ever(tmp_path):
    model = build(type='ImageClassifier')
    found = run(model, tmp_path, 'mmadf.ReadoutsTestLoop')
    assert found == run(model, tmp_path, 'TestLoop')
    assert set(found) == {'accuracy/top1', 'accuracy/top2', 'score', 'images'}


def test_deployed_network_has_one_readout(tmp_path):
    model = build()
    model.switch_to_deploy(fold=False)
    found = run(model, tmp_path, 'mmadf.ReadoutsTestLoop')
    assert set(found) == {'accuracy/top1', 'accuracy/top2', 'score', 'images'}
    assert found == run(model, tmp_path, 'TestLoop')


def test_mixed_precision_is_that_of_the_loop(tmp_path):
    model, kinds = build(), set()
    model.head.fc.register_forward_hook(lambda *args: kinds.add(args[-1].dtype))
    run(model, tmp_path, 'mmadf.ReadoutsTestLoop', fp16=True)
    assert kinds == {torch.bfloat16}


def test_network_runs_once_for_all_readouts(tmp_path):
    model, passes = build(), []
    model.backbone.register_forward_hook(lambda *_: passes.append(1))
    model.head.fc.register_forward_hook(
        lambda _, inputs, __: passes.append(len(inputs[0]))
    )
    run(model, tmp_path, 'mmadf.ReadoutsTestLoop')
    assert [n for n in passes if n != 1] + [n for n in passes if n == 1] == [3, 3, 1]


def test_dumped_predictions_are_those_of_the_chosen_readout(tmp_path):
    model, path = build(readout='sum'), tmp_path / 'predictions.pkl'
    run(model, tmp_path, 'mmadf.ReadoutsTestLoop', DumpResults(str(path)))
    inputs = torch.stack([item['inputs'] for item in Images()])
    with torch.no_grad():
        expected = model.logits_by_readout(inputs)['sum'].softmax(1)
    dumped = torch.stack([p['pred_score'] for p in pickle.loads(path.read_bytes())])
    torch.testing.assert_close(dumped, expected)


class TwoKinds(nn.Module):
    """A classifier whose branches turn logits into scores in different ways."""

    readout = 'semantic'

    def data_preprocessor(self, data, training):
        return data

    def logits_by_readout(self, inputs):
        logits = inputs.mean((2, 3))
        return dict(semantic=logits, appearance=logits)

    def predict_readouts(self, inputs, data_samples):
        logits = self.logits_by_readout(inputs)
        scores = logits['semantic'].softmax(1), logits['appearance'].sigmoid()
        return {
            name: [
                sample.clone().set_pred_score(row)
                for sample, row in zip(data_samples, rows, strict=True)
            ]
            for name, rows in zip(logits, scores, strict=True)
        }


@pytest.mark.parametrize('wrap', [lambda model: model, nn.DataParallel])
def test_scores_are_those_that_the_classifier_makes_of_each_readout(wrap):
    x = torch.randn(2, 3, 4, 4)
    batch = dict(inputs=x, data_samples=[DataSample(), DataSample()])
    found = predict_readouts(wrap(TwoKinds()), batch)
    rows = {name: torch.stack([s.pred_score for s in found[name]]) for name in found}
    logits = x.mean((2, 3))
    torch.testing.assert_close(rows['semantic'], logits.softmax(1))
    torch.testing.assert_close(rows['appearance'], logits.sigmoid())
