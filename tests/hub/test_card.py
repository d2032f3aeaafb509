"""The accuracy that a model card cites is that of the checkpoint, or none."""

import json

import pytest
import torch
from mmengine.config import Config
from mmengine.model import PretrainedInit
from mmpretrain.datasets import CustomDataset

from mmadf.hub.card import Origin, model_card
from mmadf.hub.probe import Probe
from tests.hub.conftest import PLAIN, build, config

UNKNOWN = 'the training log has no validation of this checkpoint'


def train(step, **more):
    return dict(step=step, loss=0.5, time=0.1, **more)


def val(step, top1):
    return {'step': step, 'accuracy/top1': top1, 'time': 0.1}


BY_EPOCH = [train(4, epoch=1), val(1, 62.5), train(8, epoch=2), val(2, 87.5)]
# MMEngine notes either the iteration of a validation or 0.
BY_ITERATION = [train(500), val(500, 40.0), train(1000), val(1000, 61.0)]
WITHOUT_STEPS = [train(500), val(0, 40.0), train(1000), val(0, 61.0)]


@pytest.fixture
def card(tmp_path):
    """Return the card of a checkpoint."""

    def _card(records, meta, **training):
        log = tmp_path / '20260101_000000' / 'vis_data' / 'scalars.json'
        log.parent.mkdir(parents=True)
        log.write_text(''.join(f'{json.dumps(record)}\n' for record in records))
        cfg = config(PLAIN)
        content = dict(model=PLAIN, classes=None, test_pipeline=[])
        origin = Origin(cfg, meta, Config({**cfg.to_dict(), **training}), tmp_path)
        expected = Probe(torch.zeros(1, 3, 32, 32), torch.zeros(1, 3), True)
        return model_card('name', build(PLAIN), content, origin, expected)

    return _card


@pytest.mark.parametrize(
    ('records', 'meta', 'after', 'top1'),
    [
        (BY_EPOCH, dict(epoch=1, iter=4), 'epoch 1', '62.50'),
        (BY_EPOCH, dict(epoch=2, iter=8), 'epoch 2', '87.50'),
        (BY_ITERATION, dict(epoch=2, iter=500), 'iteration 500', '40.00'),
        (WITHOUT_STEPS, dict(epoch=2, iter=500), 'iteration 500', '40.00'),
        (WITHOUT_STEPS, dict(epoch=0, iter=1000), 'iteration 1000', '61.00'),
    ],
)
def test_card_cites_the_validation_of_the_checkpoint(card, records, meta, after, top1):
    text = card(records, meta).partition('## Accuracy')[2]
    assert f'Validation after {after}, from' in text
    assert text.count('accuracy/top1') == 1
    assert f'| accuracy/top1 | {top1} |' in text


@pytest.mark.parametrize(
    ('records', 'meta'),
    [
        (BY_EPOCH, dict(epoch=9, iter=36)),
        (BY_EPOCH, dict()),
        (BY_EPOCH, dict(epoch=1, iter=6, batch=2)),  # interrupted in epoch 2
        (BY_ITERATION, dict(epoch=500, iter=700)),
        ([train(4, epoch=1)], dict(epoch=1, iter=4)),
    ],
)
def test_card_cites_no_other_validation(card, records, meta):
    text = card(records, meta).partition('## Accuracy')[2]
    assert UNKNOWN in text and 'accuracy/top1' not in text


def test_card_names_the_data_sets_inside_wrappers_and_types_that_are_classes(card):
    parts = [dict(type=CustomDataset, data_root=f'data/{name}') for name in 'aba']
    dataset = dict(
        type='RepeatDataset',
        times=2,
        dataset=dict(type='ConcatDataset', datasets=parts),
    )
    text = card(
        BY_EPOCH,
        {},
        train_dataloader=dict(batch_size=8, dataset=dataset),
        optim_wrapper=dict(optimizer=dict(type=torch.optim.SGD, lr=0.1)),
    )
    training = text.partition('## Training')[2].partition('## Accuracy')[0]
    assert '- data set: CustomDataset a, CustomDataset b\n' in training
    assert '- optimizer: SGD\n' in training
    assert 'pretrained' not in training


@pytest.mark.parametrize(
    ('kind', 'is_named'),
    [('Pretrained', True), (PretrainedInit, True), ('NotPretrainedInit', False)],
)
def test_card_says_whether_training_started_from_weights(card, kind, is_named):
    init_cfg = dict(type=kind, checkpoint='a.pth')
    text = card(BY_EPOCH, {}, model=dict(backbone=dict(init_cfg=init_cfg)))
    assert ('- pretrained weights: yes' in text) == is_named


@pytest.mark.parametrize(
    ('fields', 'is_named'),
    [
        (dict(model=dict(pretrained_branches=dict(checkpoint='a.pth'))), True),
        (dict(model=dict(pretrained_branches=None)), False),
        (dict(model=dict(backbone=dict(pretrained=True))), True),
        (dict(model=dict(backbone=dict(pretrained=False))), False),
        (dict(model=dict(appearance=dict(backbone=dict(checkpoint_path='a')))), True),
        (dict(load_from='a.pth'), True),
        (dict(load_from=None), False),
    ],
)
def test_card_names_all_ways_to_start_from_weights(card, fields, is_named):
    text = card(BY_EPOCH, {}, **{'model': {}, **fields})
    assert ('- pretrained weights: yes' in text) == is_named
