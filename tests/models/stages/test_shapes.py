"""Shape inference leaves a network as it was."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from mmadf.models.stages import map_shapes
from mmadf.models.stages.shapes import run_without_data


class Caching(nn.Module):
    """Stores what it computes, by device as timm's attention does, and by itself."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.cache, self.last = {}, None

    def forward(self, x):
        self.last = self.conv(x)
        self.size = x.shape[-2:]
        if x.device not in self.cache:
            self.cache[x.device] = self.conv.bias.exp()
        return (self.last * self.cache[x.device][:, None, None],)


@torch.no_grad()
def test_caches_of_modules_are_left_as_they_were():
    network = nn.Sequential(Caching()).eval()
    cache, x = network[0].cache, torch.randn(1, 3, 8, 8)
    assert map_shapes(network) == [(1, 4, 222, 222)]
    assert network[0].cache is cache and not cache
    assert network[0].last is None and not hasattr(network[0], 'size')
    expected = network(x)[0]
    map_shapes(network)
    assert list(cache) == [x.device] and type(network(x)[0]) is torch.Tensor
    assert_close(network(x)[0], expected, rtol=0, atol=0)


def test_caches_are_undone_when_the_network_fails():
    network = nn.Sequential(Caching(), nn.Conv2d(9, 9, 1))
    with pytest.raises(TypeError):
        map_shapes(network)
    assert not network[0].cache


@torch.no_grad()
def test_attention_biases_of_timm_hold_values_after_shape_inference():
    timm = pytest.importorskip('timm.models.tiny_vit')
    attention = timm.Attention(8, 4, num_heads=2, resolution=(2, 2))
    attention.eval()
    run_without_data(attention, lambda net, _: net(torch.zeros(1, 4, 8)))
    x = torch.randn(1, 4, 8)
    assert type(attention(x)) is torch.Tensor
    assert {type(x) for x in attention.attention_bias_cache.values()} == {torch.Tensor}
