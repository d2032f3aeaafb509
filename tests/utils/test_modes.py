import pytest
from torch import nn

from mmadf.analysis import cost_by_phase
from mmadf.analysis.spatial_maps import spatial_maps
from mmadf.models.stages.shapes import map_shapes
from mmadf.registry import MODELS
from mmadf.utils.modes import evaluating
from tests.helpers import adf_cfg


def modes(network):
    return {name: module.training for name, module in network.named_modules()}


def network():
    """Return three convolutions of which the middle one evaluates in training."""
    found = nn.Sequential(*(nn.Conv2d(3, 3, 1) for _ in range(3))).train()
    found[1].eval()
    return found


def test_each_module_has_its_own_mode_again():
    net = network()
    before = modes(net)
    with evaluating(net):
        assert not any(modes(net).values())
    assert modes(net) == before == {'': True, '0': True, '1': False, '2': True}


def test_modes_come_back_after_an_error():
    net = network()
    before = modes(net)
    with pytest.raises(ZeroDivisionError), evaluating(net):
        raise ZeroDivisionError
    assert modes(net) == before


def _shapes(net):
    assert map_shapes(net, 8)[0] == (3, 8, 8)  # its output, taken for a sequence


def _maps(net):
    with pytest.raises(ValueError, match='no WiseSrNetHead'):
        spatial_maps(net)


@pytest.mark.parametrize('look', [_shapes, _maps])
def test_looking_at_a_network_leaves_its_modes(look):
    net = network()
    before = modes(net)
    look(net)
    assert modes(net) == before


def test_counting_costs_leaves_the_modes():
    adf = MODELS.build(adf_cfg())
    adf.train()
    adf.neck.eval()
    before = modes(adf)
    cost_by_phase(adf, (32, 32))
    assert modes(adf) == before
