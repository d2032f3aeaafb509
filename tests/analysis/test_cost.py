import pytest
import torch
from mmengine.registry import DefaultScope
from torch import nn

from mmadf.analysis import cost_by_part, cost_by_phase, cost_table, total_cost
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
    parts = cost_by_part(model, (6, 5))
    assert parts == dict(
        stem=(4 * 3 * 9 + 4, 4 * 3 * 9 * 30),
        body=(16, 2 * 16 * 30),
        head=(25, 20),
        unused=(9, 0),
        scale=(7, 0),
    )
    assert total_cost(parts) == (112 + 16 + 25 + 9 + 7, 3240 + 960 + 20)
    assert total_cost(parts, ('body', 'head')) == (16 + 25, 960 + 20)


def test_hooks_do_not_stay():
    model = Network()
    cost_by_part(model, (6, 5))
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


@pytest.fixture(scope='module')
def costs():
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS.build(adf_cfg())
        plain = {k: adf_cfg()[k] for k in ('backbone', 'neck', 'head')}
        single = MODELS.build(dict(type='ImageClassifier', **plain))
    before = sum(p.numel() for p in model.parameters())
    phases = cost_by_phase(model, (16, 16))
    assert sum(p.numel() for p in model.parameters()) == before
    return phases, total_cost(cost_by_part(single, (16, 16)))


def test_both_branches_of_the_trained_network_cost_the_same(costs):
    trained = costs[0].trained
    assert trained['backbone'] == trained['appearance_backbone']
    assert trained['head'] == trained['appearance_head']
    single = sum(trained[part].multiply_adds for part in ('backbone', 'head'))
    assert single == costs[1].multiply_adds


def test_deployed_network_pays_the_shallow_stages_only(costs):
    trained, deployed = costs[0]
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
    phases, single = costs
    rows = {row[0]: row[1:] for row in cost_table(phases)}
    assert rows['part'] == ['trained, M', 'trained, G', 'deployed, M', 'deployed, G']
    parameters = sum(cost.parameters for cost in phases.deployed.values())
    assert rows['all'][2] == f'{parameters / 1e6:.2f}'
    assert rows['single network'][0] == f'{single.parameters / 1e6:.2f}'
    ratio = parameters / single.parameters
    assert rows['all / single'][2] == f'{ratio:.3f}'
    assert rows['appearance_head'][2:] == ['-', '-']


def test_nothing_is_folded_so_that_ratios_compare_like_with_like(costs):
    trained, deployed = costs[0]
    assert deployed['backbone'] == trained['backbone']
    assert deployed['mappers.0'] == trained['mappers.0']


def test_another_classifier_has_one_column():
    head, *rows = cost_table(cost_by_phase(Network(), (6, 5)))
    assert head == ['part', 'trained, M', 'trained, G']
    assert [row[0] for row in rows][-1] == 'all'


# Training and deployment

SIZE = (32, 32)


def build(cfg):
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return MODELS.build(cfg)


def single():
    cfg = adf_cfg(type='ImageClassifier')
    cfg.pop('mapper')
    return build(cfg)


def phases_of(model):
    return [total_cost(parts) for parts in cost_by_phase(model, SIZE)]


def cost_of(model):
    return total_cost(cost_by_part(model, SIZE))


def test_ordinary_classifier_costs_the_same_in_training_and_deployed():
    assert phases_of(single()) == [cost_of(single())] * 2


def test_ensemble_costs_two_networks_in_training_and_deployed():
    twice = tuple(2 * count for count in cost_of(single()))
    assert phases_of(build(adf_cfg(mapper=None, readout='sum'))) == [twice] * 2


@pytest.mark.parametrize('what', ['parameters', 'multiply_adds'])
def test_adf_is_trained_in_full_and_deployed_without_the_appearance_end(what):
    two = dict(num_stages=2, strides=(1, 2), dilations=(1, 1), out_indices=(1,))
    trained, deployed, one, shallow = (
        getattr(cost, what)
        for cost in (
            *phases_of(build(adf_cfg())),
            cost_of(single()),
            cost_of(build(backbone_cfg(**two))),
        )
    )
    mapper = trained - 2 * one
    assert 0 < mapper < one / 5
    assert deployed == one + shallow + mapper


def test_network_is_left_as_it_was():
    model = build(adf_cfg())
    before = phases_of(model)
    assert not model.deployed
    assert phases_of(model) == before
