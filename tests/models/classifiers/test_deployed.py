"""The deployed form of a classifier; test_families.py deploys every family."""

import copy
import pickle
import re
from functools import cache
from itertools import product

import pytest
import torch
from mmengine.runner import load_checkpoint
from mmpretrain.models.backbones.repvgg import RepVGGBlock
from torch import nn
from torch.testing import assert_close

from mmadf.models.stages import Stages
from mmadf.models.stages.stages import FAMILIES
from mmadf.registry import MODELS
from tests.helpers import adf_cfg, backbone_cfg, named, randomise, samples


def build(**changes):
    return randomise(MODELS.build(adf_cfg(**changes)), std=0.2).eval()


def deployed(model, **choices):
    model = copy.deepcopy(model)
    model.switch_to_deploy(**choices)
    return model


@torch.no_grad()
def test_what_is_left_is_counted():
    adf = build()
    x = torch.randn(2, 3, 16, 16)
    small = deployed(adf, fold=False)
    assert_close(small(x), adf(x), rtol=0, atol=0)
    kept = [adf.backbone, adf.head, adf.mappers]
    kept += [getattr(adf.appearance_backbone, n) for n in ('conv1', 'bn1')]
    kept += [adf.appearance_backbone.layer1, adf.appearance_backbone.layer2]
    expected = sum(p.numel() for module in kept for p in module.parameters())
    assert sum(p.numel() for p in small.parameters()) == expected


@torch.no_grad()
def test_folding_leaves_no_norm_and_the_same_logits():
    adf = build()
    x = torch.randn(2, 3, 16, 16)
    small = deployed(adf)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in small.modules())
    assert_close(small(x), adf(x), rtol=1e-4, atol=1e-5 * adf(x).abs().max().item())


@torch.no_grad()
def test_what_folds_itself_is_folded():
    linear = dict(type='mmadf.DecoupledConv2d', magnitude='linear', angle='cosine')
    adf = build(backbone=backbone_cfg(conv_cfg=linear)).double()
    x = torch.randn(2, 3, 16, 16, dtype=torch.float64)
    small = deployed(adf)
    kinds = {type(m).__name__ for m in small.modules()}
    assert 'DecoupledConv2d' not in kinds and 'BatchNorm2d' not in kinds
    assert_close(small(x), adf(x), rtol=1e-9, atol=1e-9)


@torch.no_grad()
def test_kernels_of_decoupled_layers_are_normalised_once():
    tanh = dict(type='mmadf.DecoupledConv2d')
    adf = build(backbone=backbone_cfg(conv_cfg=tanh)).double()
    x = torch.randn(2, 3, 16, 16, dtype=torch.float64)
    small = deployed(adf)
    layers = [m for m in small.modules() if type(m).__name__ == 'DecoupledConv2d']
    assert layers and all(layer.operator.kernel_norms is not None for layer in layers)
    assert_close(small(x), adf(x), rtol=1e-9, atol=1e-9)


def build_repvgg(conv_cfg=None):
    arch = dict(num_blocks=[1] * 4, width_factor=[0.25] * 4)
    arch.update(group_layer_map=None, se_cfg=None)
    return build(
        backbone=dict(type='RepVGG', arch=arch, conv_cfg=conv_cfg),
        head=dict(type='LinearClsHead', num_classes=5, in_channels=128),
    )


@torch.no_grad()
def test_reparameterised_blocks_are_merged_where_it_is_exact():
    for magnitude in [None, 'linear', 'tanh']:
        with named(magnitude):
            decoupled = dict(type='mmadf.DecoupledConv2d', magnitude=magnitude)
            adf = build_repvgg(decoupled if magnitude else None).double()
            x = torch.randn(2, 3, 32, 32, dtype=torch.float64)
            small = deployed(adf)
            assert any('branch_3x3' in name for name, _ in adf.named_modules())
            kept = any('branch_3x3' in name for name, _ in small.named_modules())
            assert kept == (magnitude == 'tanh')
            assert_close(small(x), adf(x), rtol=1e-9, atol=1e-9)


@torch.no_grad()
def test_a_block_that_becomes_another_one_is_refused_and_nothing_is_lost(monkeypatch):
    adf, x = build_repvgg(), torch.randn(2, 3, 64, 64)
    scores, merge = adf.logits_by_readout(x), RepVGGBlock.reparameterize
    monkeypatch.setattr(
        RepVGGBlock, 'reparameterize', lambda self: [2 * v for v in merge(self)]
    )
    with pytest.raises(ValueError, match='RepVGGBlock changes the output .*fold=Fa'):
        adf.switch_to_deploy()
    assert_close(adf.logits_by_readout(x), scores, rtol=0, atol=0)
    assert 'appearance' in scores
    adf.switch_to_deploy(fold=False)
    assert_close(adf(x), scores['semantic'], rtol=0, atol=0)


class PreActivation(nn.Module):
    """Two stages: one ends with a convolution, the next starts with its norm."""

    def __init__(self, out_indices):
        super().__init__()
        self.out_indices = out_indices
        stem = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU()
        self.one = nn.Sequential(*stem, nn.Conv2d(4, 4, 3, padding=1))
        self.two = nn.Sequential(nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 8, 3, 2, 1))

    def forward(self, x):
        raise AssertionError('runs by its stages')


@pytest.fixture
def pre_activation(monkeypatch):
    name = f'{PreActivation.__module__}.PreActivation'
    monkeypatch.setitem(FAMILIES, name, lambda _: Stages([('one',), ('two',)]))


@torch.no_grad()
def test_every_returned_map_stays_the_same(pre_activation):
    for outputs, norms in [((0, 1), 1), ((1,), 0)]:
        with named(outputs):
            adf = build(
                backbone=dict(type=PreActivation, out_indices=outputs),
                mapper=None,
                head=dict(type='LinearClsHead', num_classes=5, in_channels=8),
            ).double()
            x = torch.randn(2, 3, 16, 16, dtype=torch.float64)
            small = deployed(adf)
            expected = adf.extract_feat(x, stage='backbone')
            assert_close(small.extract_feat(x, stage='backbone'), expected)
            kinds = [type(m) for m in small.modules()]
            assert kinds.count(nn.BatchNorm2d) == norms


@torch.no_grad()
@pytest.mark.slow
def test_ghostnets_shallow_map_stays_the_same():
    pytest.importorskip('timm')
    backbone = dict(
        type='TIMMBackbone',
        model_name='ghostnet_100',
        features_only=True,
        out_indices=(0, 4),
    )
    head = dict(type='LinearClsHead', num_classes=5, in_channels=160)
    adf = MODELS.build(adf_cfg(backbone=backbone, head=head)).double().eval()
    for name, buffer in adf.named_buffers():
        if name.endswith('running_var'):
            buffer.uniform_(0.5, 1.5)
    x = torch.randn(1, 3, 64, 64, dtype=torch.float64)
    expected = adf.extract_feat(x, stage='backbone')
    assert_close(deployed(adf).extract_feat(x, stage='backbone'), expected)


@torch.no_grad()
def test_built_as_deployed_it_takes_the_deployed_weights():
    for fold in [True, False]:
        with named(fold):
            adf = build()
            small = deployed(adf, fold=fold)
            again = build(deploy=dict(fold=fold))
            again.load_state_dict(small.state_dict(), strict=True)
            x = torch.randn(2, 3, 16, 16)
            assert_close(again(x), small(x), rtol=0, atol=0)
            again.eval().train().eval()
            assert_close(again(x), small(x), rtol=0, atol=0)


@torch.no_grad()
def test_without_mapper_the_single_network_is_left():
    adf = build(mapper=None)
    x = torch.randn(2, 3, 16, 16)
    small = deployed(adf, fold=False)
    assert small.appearance_backbone is None
    assert_close(small(x), adf(x), rtol=0, atol=0)


@torch.no_grad()
def test_the_one_readout_left_is_the_fused_head():
    small = deployed(build())
    x = torch.randn(2, 3, 16, 16)
    assert_close(small.logits_by_readout(x), dict(semantic=small(x)))


@torch.no_grad()
def test_whole_network_reads_out_the_fused_head_without_deep_appearance():
    adf = build()
    x = torch.randn(2, 3, 16, 16)
    expected = adf.logits_by_readout(x)['semantic']
    adf.appearance_backbone.layer3 = adf.appearance_backbone.layer4 = None
    assert_close(adf(x), expected, rtol=0, atol=0)
    assert_close(
        torch.stack([sample.pred_score for sample in adf.predict(x)]),
        expected.softmax(1),
    )


def test_training_a_deployed_network_is_refused():
    small = deployed(build())
    with pytest.raises(ValueError, match='deployed, .* switch_to_deploy'):
        small.loss(torch.randn(2, 3, 16, 16), samples([0, 1]))


def test_readout_that_needs_the_appearance_head_is_refused():
    for readout in ['appearance', 'sum']:
        with named(readout):
            with pytest.raises(
                ValueError, match=f"readout='{readout}' needs the appearance"
            ):
                build(readout=readout).switch_to_deploy()
            small = deployed(build())
            small.readout = readout
            with pytest.raises(ValueError, match='deployed, .* switch_to_deploy'):
                small(torch.randn(2, 3, 16, 16))


@pytest.mark.slow
def test_deployed_network_compiles_into_one_graph():
    small = deployed(build())
    x = torch.randn(2, 3, 16, 16)
    with torch.no_grad():
        compiled = torch.compile(small, fullgraph=True, backend='eager')
        assert_close(compiled(x), small(x))


# Which weights fit: MMEngine's runner loads without asking for every name


SINGLE = ('backbone', 'neck', 'head')
NO_PARAMETERS_IN_HEAD = dict(
    neck=dict(type='LinearNeck', gap_dim=2, in_channels=64, out_channels=5),
    head=dict(type='ClsHead'),
)
CHANGES = dict(
    mapper={},
    no_mapper=dict(mapper=None),
    every_stage_read=dict(mapper=dict(type='Mapper', sources=(3,))),
    bare_head=NO_PARAMETERS_IN_HEAD,
    norms_of_groups=dict(
        backbone=backbone_cfg(norm_cfg=dict(type='GN', num_groups=4)),
    ),
)


FORMS = dict(whole=None, cut=dict(fold=False), folded=dict(fold=True))


def build_form(changes, form):
    return build(**CHANGES[changes], deploy=FORMS[form])


shared_form = cache(build_form)  # must not be changed


PAIRS = [
    ('whole', 'cut', 'this network is deployed .* they have appearance_'),
    ('whole', 'folded', 'this network is deployed .* they have'),
    ('cut', 'whole', 'this one is whole: they have a (neck|head)'),
    ('cut', 'folded', 'they have .*bn.*, which was cut off or folded'),
    ('folded', 'whole', 'this one is whole: they have'),
    ('folded', 'cut', 'this one is deployed without folding'),
]
OF_EACH_SORT = [PAIRS[1], PAIRS[2], PAIRS[4]]


@pytest.mark.parametrize('changes', CHANGES)
def test_the_wrong_file_of_a_pair_is_refused(changes, tmp_path):
    """Every pair once, and for each other kind of network a file of each sort."""
    for written, built, message in PAIRS if changes == 'mapper' else OF_EACH_SORT:
        if changes == 'no_mapper' and (written, built) == ('cut', 'whole'):
            continue  # without mappers and folding, they are those of a single network
        weights = shared_form(changes, written).state_dict()
        torch.save(weights, tmp_path / 'weights.pth')
        network = shared_form(changes, built)
        before = copy.deepcopy(network.state_dict())
        wrapper, names = nn.ModuleDict(dict(inner=network)), [(r'^', 'inner.')]
        file = str(tmp_path / 'weights.pth')
        with named(f'{written}, {built}'):
            with pytest.raises(ValueError, match=message):
                load_checkpoint(wrapper, file, revise_keys=names)
            assert_close(network.state_dict(), before, rtol=0, atol=0)


@torch.no_grad()
def test_the_right_file_is_taken(tmp_path):
    x = torch.randn(2, 3, 16, 16)
    for changes, form in product(('mapper', 'bare_head'), FORMS):
        with named(f'{changes}, {form}'):
            one, other = shared_form(changes, form), build_form(changes, form)
            assert not torch.equal(other(x), one(x))
            torch.save(one.state_dict(), tmp_path / 'weights.pth')
            load_checkpoint(other, str(tmp_path / 'weights.pth'))
            assert_close(other(x), one(x), rtol=0, atol=0)


def test_a_part_of_the_weights_is_taken():
    one, fresh = build(), build()
    for kept in (
        r'backbone\.',
        r'head\.',
        r'backbone\.layer[12]\.',
        r'(.*backbone|mappers)\.',
        r'(?!.*num_batches_tracked)',
    ):
        with named(kept):
            other = copy.deepcopy(fresh)
            part = {n: w for n, w in one.state_dict().items() if re.match(kept, n)}
            assert 0 < len(part) < len(one.state_dict())
            other.load_state_dict(part, strict=False)
            own = other.state_dict()
            assert_close({name: own[name] for name in part}, part, rtol=0, atol=0)


def test_a_checkpoint_of_a_single_network_is_taken(tmp_path):
    for changes in [
        {},
        dict(num_classes=7),
        dict(depth=34),
    ]:
        with named(changes):
            changes = dict(changes)
            head = {**adf_cfg()['head'], 'num_classes': changes.pop('num_classes', 5)}
            parts = dict(adf_cfg(head=head), backbone=backbone_cfg(**changes))
            parts = {slot: parts[slot] for slot in SINGLE}
            plain = randomise(MODELS.build(dict(type='ImageClassifier', **parts)))
            torch.save(plain.state_dict(), tmp_path / 'plain.pth')
            adf = build()
            load_checkpoint(adf, str(tmp_path / 'plain.pth'))
            for name in ('conv1.weight', 'layer1.0.conv1.weight'):
                expected = plain.backbone.get_parameter(name)
                assert_close(adf.backbone.get_parameter(name), expected, rtol=0, atol=0)


def test_a_copy_checks_as_it_is_and_not_as_its_model_is():
    for copied in [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))]:
        with named(copied):
            adf = build()
            small = copied(adf)
            small.switch_to_deploy()
            adf.load_state_dict(adf.state_dict())
            small.load_state_dict(small.state_dict())
            with pytest.raises(ValueError, match='this one is whole'):
                adf.load_state_dict(small.state_dict())
            with pytest.raises(ValueError, match='this network is deployed'):
                small.load_state_dict(adf.state_dict())
