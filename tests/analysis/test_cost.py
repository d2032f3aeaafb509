import pytest
import torch
from mmengine.analysis import get_model_complexity_info
from mmengine.registry import DefaultScope
from torch import nn

from mmadf.analysis import cost_by_part, cost_by_phase, cost_table, total_cost
from mmadf.analysis.cost import SINGLE
from mmadf.registry import MODELS
from tests.helpers import adf_cfg


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


def test_networks_for_grey_images_are_counted_by_hand():
    model = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1))
    expected = {'0': (4 * 9 + 4, 4 * 9 * 30)}
    assert cost_by_part(model, (6, 5), channels=1) == expected
    assert cost_by_phase(model, (6, 5), channels=1)['deployed'] == expected


class Attention(nn.Module):
    """Computes by itself, beside its child."""

    def __init__(self):
        super().__init__()
        self.query = nn.Linear(3, 4, bias=False)

    def forward(self, x):
        q = self.query(x.flatten(2).transpose(1, 2))  # (N, C, H, W) -> (N, HW, 4)
        return q @ q.transpose(1, 2)


def test_a_part_counts_its_own_products_and_those_of_its_children():
    parts = cost_by_part(nn.Sequential(Attention()), (3, 2))
    assert parts == {'0': (12, 6 * 3 * 4 + 6 * 4 * 6)}


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
    trained = costs[0]['trained']
    assert trained['backbone'] == trained['appearance_backbone']
    assert trained['head'] == trained['appearance_head']
    single = sum(trained[part].multiply_adds for part in ('backbone', 'head'))
    assert single == costs[1].multiply_adds


def test_the_deployed_appearance_branch_ends_with_its_shallow_stages(costs):
    trained, deployed = costs[0].values()
    assert deployed['backbone'].multiply_adds == trained['backbone'].multiply_adds
    assert deployed['mappers.0'].multiply_adds == trained['mappers.0'].multiply_adds
    assert 'appearance_head' not in deployed
    # conv1 (3 to 8 channels), layer1 (4 convolutions of 8 channels) at 16 x 16, then
    # layer2 (16 channels, with a 1 x 1 shortcut) at 8 x 8
    stem, layer1 = 256 * 3 * 8 * 9, 256 * 4 * 64 * 9
    layer2 = 64 * (8 * 16 * 9 + 3 * 256 * 9 + 8 * 16)
    shallow = deployed['appearance_backbone'].multiply_adds
    assert shallow == stem + layer1 + layer2


def test_the_table_adds_up_and_compares_with_the_single_network(costs):
    phases, single = costs
    rows = {row[0]: row[1:] for row in cost_table(phases)}
    assert rows['part'] == ['trained, M', 'trained, G', 'deployed, M', 'deployed, G']
    parameters = sum(cost.parameters for cost in phases['deployed'].values())
    assert rows['all'][2] == f'{parameters / 1e6:.2f}'
    assert rows['single network'][0] == f'{single.parameters / 1e6:.2f}'
    ratio = parameters / single.parameters
    assert rows['all / single'][2] == f'{ratio:.3f}'
    assert rows['appearance_head'][2:] == ['-', '-']


@pytest.mark.parametrize('readout', ['semantic', 'appearance', 'sum'])
def test_get_flops_of_mmpretrain_counts_the_readout(readout, costs):
    model = build(readout=readout).eval()
    model.forward = model.extract_feat
    found = get_model_complexity_info(model, (3, 16, 16))['flops']
    (trained, deployed), single = costs[0].values(), costs[1]
    expected = dict(
        semantic=total_cost(deployed), appearance=single, sum=total_cost(trained)
    )
    assert found == pytest.approx(expected[readout].multiply_adds, rel=0.05)


def test_batch_norms_are_not_folded(costs):
    trained, deployed = costs[0].values()
    assert deployed['backbone'] == trained['backbone']
    assert deployed['mappers.0'] == trained['mappers.0']


def test_another_classifier_has_one_column():
    head, *rows = cost_table(cost_by_phase(Network(), (6, 5)))
    assert head == ['part', 'trained, M', 'trained, G']
    assert [row[0] for row in rows][-1] == 'all'


def build(**changes):
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return MODELS.build(adf_cfg(**changes))


def test_an_ensemble_is_deployed_as_it_is_trained():
    ensemble = build(mapper=None, readout='sum')
    trained, deployed = cost_by_phase(ensemble, (16, 16)).values()
    assert trained == deployed
    assert total_cost(trained) == tuple(2 * x for x in total_cost(trained, SINGLE))


def test_a_deployed_adf_backbone_lacks_the_appearance_stages_that_were_only_returned():
    slots = adf_cfg(type='ImageClassifier')
    branches = dict(backbone=slots['backbone'], mapper=slots.pop('mapper'))
    slots['backbone'] = dict(
        type='mmadf.ADFBackbone', appearance_out_indices=(3,), **branches
    )
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        phases = cost_by_phase(MODELS.build(slots), (16, 16))
    trained, deployed = (phase['backbone'].multiply_adds for phase in phases.values())
    # layer3 (16 to 32 channels) at 4 x 4, layer4 (32 to 64 channels) at 2 x 2
    layer3 = 16 * (16 * 32 * 9 + 3 * 32 * 32 * 9 + 16 * 32)
    layer4 = 4 * (32 * 64 * 9 + 3 * 64 * 64 * 9 + 32 * 64)
    assert trained - deployed == layer3 + layer4
    assert phases['trained']['head'] == phases['deployed']['head']


def test_a_feature_extractor_costs_what_the_deployed_network_costs_without_its_head(
    costs,
):
    trained, deployed = cost_by_phase(build(head=None), (16, 16)).values()
    expected = dict(costs[0]['deployed'])
    assert expected.pop('head').multiply_adds == 64 * 5
    assert trained == deployed == expected


def test_counting_leaves_the_network_unchanged():
    model = build()
    before = cost_by_phase(model, (16, 16))
    assert not model.deployed
    assert cost_by_phase(model, (16, 16)) == before
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
