"""Which weights an ADF classifier takes: the runner asks for no exact fit."""

import copy
import pickle
import re

import pytest
import torch
from mmengine.registry import DefaultScope
from mmengine.runner import load_checkpoint
from torch import nn
from torch.testing import assert_close

from mmadf.registry import MODELS
from tests.helpers import adf_cfg, backbone_cfg, randomise

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


@pytest.fixture(autouse=True)
def _scope():
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        yield


def build(**changes):
    return randomise(MODELS.build(adf_cfg(**changes)), std=0.2).eval()


def form(deploy, **changes):
    """Return a whole network (None), or a deployed one."""
    return build(**changes, deploy=deploy)


WHOLE, CUT, FOLDED = None, dict(fold=False), dict(fold=True)


PAIRS = [
    (WHOLE, CUT, 'network is deployed and the weights are from before: .* appearance_'),
    (WHOLE, FOLDED, 'network is deployed and the weights are from before: they have'),
    (
        CUT,
        WHOLE,
        'of a deployed network and this one is whole: they have a (neck|head)',
    ),
    (CUT, FOLDED, 'from before: they have .*bn.*, which was cut off or folded here'),
    (FOLDED, WHOLE, 'of a deployed network and this one is whole: they have'),
    (FOLDED, CUT, 'this one is deployed without folding: .* as after folding'),
]
# Without mappers nor folding, these are the weights of a single network.
CASES = [
    (changes, *pair)
    for changes in CHANGES
    for pair in PAIRS
    if (changes, *pair[:2]) != ('no_mapper', CUT, WHOLE)
]


@pytest.mark.parametrize(('changes', 'written', 'built', 'message'), CASES)
def test_the_wrong_file_of_a_pair_is_refused(
    changes, written, built, message, tmp_path
):
    torch.save(form(written, **CHANGES[changes]).state_dict(), tmp_path / 'weights.pth')
    network = form(built, **CHANGES[changes])
    before = copy.deepcopy(network.state_dict())
    wrapper, names = nn.ModuleDict(dict(inner=network)), [(r'^', 'inner.')]
    with pytest.raises(ValueError, match=message):
        load_checkpoint(wrapper, str(tmp_path / 'weights.pth'), revise_keys=names)
    assert_close(network.state_dict(), before, rtol=0, atol=0)


@torch.no_grad()
@pytest.mark.parametrize('deploy', [WHOLE, CUT, FOLDED])
@pytest.mark.parametrize('changes', CHANGES)
def test_the_right_file_is_taken(changes, deploy, tmp_path):
    one, other = (form(deploy, **CHANGES[changes]) for _ in range(2))
    torch.save(one.state_dict(), tmp_path / 'weights.pth')
    load_checkpoint(other, str(tmp_path / 'weights.pth'))
    x = torch.randn(2, 3, 16, 16)
    assert_close(other(x), one(x), rtol=0, atol=0)


@pytest.mark.parametrize(
    'kept',
    [
        r'backbone\.',
        r'(backbone|head)\.',
        r'head\.',
        r'backbone\.layer[12]\.',
        r'.*backbone\.',
        r'(.*backbone|mappers)\.',
        r'(?!.*num_batches_tracked)',
    ],
)
def test_a_part_of_the_weights_is_taken(kept):
    one, other = build(), build()
    part = {n: w for n, w in one.state_dict().items() if re.match(kept, n)}
    assert 0 < len(part) < len(one.state_dict())
    other.load_state_dict(part, strict=False)
    own = other.state_dict()
    assert_close({name: own[name] for name in part}, part, rtol=0, atol=0)


@pytest.mark.parametrize(
    'changes',
    [
        {},
        dict(num_classes=7),
        dict(norm_cfg=dict(type='GN', num_groups=4)),
        dict(depth=34),
    ],
)
def test_a_checkpoint_of_a_single_network_is_taken(changes, tmp_path):
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


@pytest.mark.parametrize(
    'copied', [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))]
)
def test_a_copy_checks_as_it_is_and_not_as_its_model_is(copied):
    adf = build()
    small = copied(adf)
    small.switch_to_deploy()
    adf.load_state_dict(adf.state_dict())
    small.load_state_dict(small.state_dict())
    with pytest.raises(ValueError, match='this one is whole'):
        adf.load_state_dict(small.state_dict())
    with pytest.raises(ValueError, match='this network is deployed'):
        small.load_state_dict(adf.state_dict())
