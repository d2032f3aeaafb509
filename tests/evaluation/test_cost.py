import pytest
import torch
from mmengine.registry import DefaultScope
from torch import nn

from mmadf.evaluation import (
    compare_costs,
    cost_table,
    count_cost,
    count_costs,
    count_parts,
)
from mmadf.registry import MODELS
from tests.helpers import adf_cfg, backbone_cfg


class Network(nn.Module):
    """Children that run twice, inside another one, by themselves, and never."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.body = nn.Sequential(nn.Conv2d(4, 4, 1, bias=False), nn.ReLU())
        self.head = nn.Linear(4, 5)
        self.unused = nn.Linear(2, 3)
        self.scale = nn.Parameter(torch.ones(7))

    def forward(self, x):
        x = self.body[0](self.body(self.stem(x)))
        return self.head(x.mean((2, 3)))


def test_parts_are_counted_by_hand():
    model = Network()
    parts = count_parts(model, model, (6, 5))
    assert parts == dict(
        stem=(4 * 3 * 9 + 4, 4 * 3 * 9 * 30),
        body=(16, 2 * 16 * 30),
        head=(25, 20),
        unused=(9, 0),
        scale=(7, 0),
    )
    assert count_cost(model, (6, 5)) == dict(
        parameters=112 + 16 + 25 + 9 + 7, multiply_adds=3240 + 960 + 20
    )


def test_hooks_do_not_stay():
    model = Network()
    count_parts(model, model, (6, 5))
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


@pytest.fixture(scope='module')
def costs():
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS.build(adf_cfg())
        plain = {k: adf_cfg()[k] for k in ('backbone', 'neck', 'head')}
        single = MODELS.build(dict(type='ImageClassifier', **plain))
    before = sum(p.numel() for p in model.parameters())
    columns = compare_costs(model, (16, 16))
    assert sum(p.numel() for p in model.parameters()) == before
    return columns, count_cost(single, (16, 16))


def test_both_branches_of_the_trained_network_cost_the_same(costs):
    trained = costs[0]['trained']
    assert trained['backbone'] == trained['appearance_backbone']
    assert trained['head'] == trained['appearance_head']
    single = sum(trained[part].multiply_adds for part in ('backbone', 'head'))
    assert single == costs[1]['multiply_adds']


def test_deployed_network_pays_the_shallow_stages_only(costs):
    trained, deployed = costs[0]['trained'], costs[0]['deployed']
    assert deployed['backbone'].multiply_adds == trained['backbone'].multiply_adds
    assert deployed['mappers.0'].multiply_adds == trained['mappers.0'].multiply_adds
    assert 'appearance_head' not in deployed
    # conv1 (3 to 8 channels), layer1 (4 convolutions of 8 channels) at 16 x 16, then
    # layer2 (16 channels, with a 1 x 1 shortcut) at 8 x 8
    stem, layer1 = 256 * 3 * 8 * 9, 256 * 4 * 64 * 9
    layer2 = 64 * (8 * 16 * 9 + 3 * 256 * 9 + 8 * 16)
    shallow = deployed['appearance_backbone'].multiply_adds
    assert shallow == stem + layer1 + layer2


def test_table_adds_up_and_compares_with_the_single_network(costs):
    columns, single = costs
    rows = {row[0]: row[1:] for row in cost_table(columns)}
    parameters = sum(cost.parameters for cost in columns['deployed'].values())
    assert rows['all'][2] == f'{parameters / 1e6:.2f}'
    assert rows['single network'][0] == f'{single["parameters"] / 1e6:.2f}'
    ratio = parameters / single['parameters']
    assert rows['all / single'][2] == f'{ratio:.3f}'
    assert rows['appearance_head'][2:] == ['-', '-']


def test_another_classifier_has_one_column():
    columns = compare_costs(Network(), (6, 5))
    assert list(columns) == ['trained']
    assert [row[0] for row in cost_table(columns)][-1] == 'all'


# What a study reports

SIZE = (32, 32)
WHEN = ('trained', 'deployed')


def build(cfg):
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return MODELS.build(cfg)


def single():
    cfg = adf_cfg(type='ImageClassifier')
    cfg.pop('mapper')
    return build(cfg)


@pytest.mark.parametrize('what', ['parameters', 'multiply_adds'])
def test_ordinary_classifier_costs_the_same_in_training_and_deployed(what):
    model = single()
    costs = count_costs(model, SIZE)
    expected = count_cost(model, SIZE)[what]
    assert [costs[f'{when}_{what}'] for when in WHEN] == [expected] * 2


@pytest.mark.parametrize('what', ['parameters', 'multiply_adds'])
def test_ensemble_costs_two_networks_in_training_and_deployed(what):
    costs = count_costs(build(adf_cfg(mapper=None, readout='sum')), SIZE)
    expected = 2 * count_cost(single(), SIZE)[what]
    assert [costs[f'{when}_{what}'] for when in WHEN] == [expected] * 2


@pytest.mark.parametrize('what', ['parameters', 'multiply_adds'])
def test_adf_is_trained_in_full_and_deployed_without_the_appearance_end(what):
    model = build(adf_cfg())
    costs, one = count_costs(model, SIZE), count_cost(single(), SIZE)[what]
    two = dict(num_stages=2, strides=(1, 2), dilations=(1, 1), out_indices=(1,))
    shallow = count_cost(build(backbone_cfg(**two)), SIZE)[what]
    mapper = costs[f'trained_{what}'] - 2 * one
    assert 0 < mapper < one / 5
    assert costs[f'deployed_{what}'] == one + shallow + mapper


def test_network_is_left_as_it_was():
    model = build(adf_cfg())
    before = count_costs(model, SIZE)
    assert not model.deployed
    assert count_costs(model, SIZE) == before
