from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from mmadf.engine import ChannelsLastHook
from mmadf.registry import MODELS
from tests.helpers import adf_cfg, randomise


@pytest.mark.parametrize('wrap', [lambda m: m, nn.DataParallel])
def test_maps_are_channels_last_and_the_same(wrap):
    model = randomise(MODELS.build(adf_cfg()), std=0.1)
    model.eval()
    x = torch.randn(2, 3, 32, 32)
    expected = model.extract_feat(x, stage='backbone')[-1]
    assert expected.is_contiguous()
    ChannelsLastHook().before_run(SimpleNamespace(model=wrap(model)))
    found = model.extract_feat(x, stage='backbone')[-1]
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert not found.is_contiguous()
    assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_sharded_weights_are_refused(monkeypatch):
    monkeypatch.setattr('mmadf.engine.hooks.channels_last.DTensor', nn.Parameter)
    runner = SimpleNamespace(model=nn.Conv2d(2, 2, 1))
    with pytest.raises(ValueError, match='the weights are sharded'):
        ChannelsLastHook().before_run(runner)
