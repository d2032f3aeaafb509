import pytest
import torch
from mmengine.registry import DefaultScope
from torch.testing import assert_close

from mmadf.analysis.demo.mixing import scaled_appearance
from mmadf.registry import MODELS
from tests.helpers import adf_cfg, randomise

MAPPER = dict(type='Mapper', sources=(0, 1))
MAPPERS = dict(
    residual=MAPPER,
    convex=dict(MAPPER, fusion='convex', gate='spatial'),
    two=[dict(MAPPER, target=2), MAPPER],
)


def build(**changes):
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS.build(adf_cfg(**changes))
    return randomise(model, std=0.2).double().eval()


def image():
    return torch.randn(2, 3, 48, 32, dtype=torch.float64)


def scaled_logits(model, x, factor):
    with scaled_appearance(model, factor):
        return model(x)


@pytest.mark.parametrize('mapper', MAPPERS)
@torch.no_grad()
def test_factor_1_is_the_network_and_0_the_network_without_mappers(mapper):
    model, x = build(mapper=MAPPERS[mapper]), image()
    without = model.head(model.neck(model.backbone(x)))
    assert torch.equal(scaled_logits(model, x, 1), model(x))
    assert torch.equal(scaled_logits(model, x, 0), without)
    assert (without - model(x)).abs().max() > 1e-3


@pytest.mark.parametrize('mapper', ['residual', 'convex'])
@torch.no_grad()
def test_factor_multiplies_the_weight_of_the_appearance_features(mapper):
    model, x = build(mapper=MAPPERS[mapper]), image()
    (mapper,) = model.mappers
    s = model.backbone(x)[-1]
    maps = model.appearance.maps(x, 1)
    a = sum(path(y) for path, y in zip(mapper.paths, maps, strict=True))
    g = mapper.gate(s, a)
    residual = mapper.fusion == 'residual'
    for factor in (0.3, 2):
        weight = factor * (g if residual else 1 - g)
        mixed = s + weight * a if residual else (1 - weight) * s + weight * a
        expected = model.head(model.neck((mixed,)))
        assert_close(scaled_logits(model, x, factor), expected)


@torch.no_grad()
def test_deployed_network_is_mixed_as_before():
    model, x = build(), image()
    before = scaled_logits(model, x, 0.4)
    model.switch_to_deploy()
    assert_close(scaled_logits(model, x, 0.4), before)


@torch.no_grad()
def test_appearance_logits_of_a_sum_stay():
    model, x = build(readout='sum'), image()
    alone = model.head(model.neck(model.backbone(x)))
    expected = alone + model.logits_by_readout(x)['appearance']
    assert_close(scaled_logits(model, x, 0), expected)


def test_network_is_as_before_after_an_error():
    model, x = build(), image()
    before = model(x)
    with pytest.raises(KeyError), scaled_appearance(model, 0):
        raise KeyError
    assert torch.equal(model(x), before)
