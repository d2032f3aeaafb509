from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from mmadf.engine import ChannelsLastHook
from mmadf.registry import MODELS
from tests.helpers import adf_cfg, randomise


@pytest.mark.parametrize('wrap', [lambda m: m, nn.DataParallel])
def test_feature_maps_are_channels_last_and_equal(wrap):
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
