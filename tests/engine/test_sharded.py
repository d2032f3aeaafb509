"""Errors; that training resumes is in tests/tools/test_large.py."""

import pytest
import torch
from torch import nn

from mmadf.engine import FullyShardStrategy
from mmadf.engine.sharded import _module


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(), "launcher='none' starts one process.*dist_train.sh"),
        (dict(model_wrapper=dict(type='MMFullyShardedDataParallel')), 'leave it out'),
    ],
)
def test_wrong_arguments_are_refused(changes, message, tmp_path):
    env = dict(launcher='none', randomness=dict(seed=0))
    with pytest.raises(ValueError, match=message):
        FullyShardStrategy(work_dir=str(tmp_path), env_kwargs=env, **changes)


def test_a_missing_unit_is_named_with_what_there_is():
    model = nn.ModuleDict(dict(stem=nn.Conv2d(3, 3, 1), head=nn.Linear(3, 2)))
    assert _module(model, 'stem', 'units') is model['stem']
    with pytest.raises(ValueError, match="units names 'stage'.*stem, head"):
        _module(model, 'stage', 'units')


def test_the_optimizer_of_another_strategy_is_refused():
    layer = nn.Linear(2, 2)
    state = torch.optim.SGD(layer.parameters(), lr=0.1).state_dict()
    with pytest.raises(ValueError, match='optimizer of another strategy'):
        FullyShardStrategy.load_optim_state_dict(None, state)
