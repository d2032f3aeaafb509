"""Parts of mmadf in place of those of MMPretrain, for its own tests."""

import pytest
import torch
from mmengine.registry import DefaultScope
from mmpretrain.registry import MODELS
from torch import nn
from torch.testing import assert_close

from mmadf.experiments.host_tests import PARTS, run_host_tests
from mmadf.models import ADFClassifier, DecoupledConv2d, WiseSrNetPooling
from tests.helpers import adf_cfg

PLAIN = {k: adf_cfg()[k] for k in ('backbone', 'neck', 'head')}


def build(cfg):
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return MODELS.build(cfg)


def put_in_place(part):
    calls = []
    return PARTS[part][0](lambda: calls.append(part)), calls


def kinds(model):
    return {type(m) for m in model.modules()}


def test_convolutions_are_decoupled_inside_the_block():
    block, calls = put_in_place('decoupled')
    with block:
        layers = [nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 1, 1, 0, 1, 1, False)]
        backbone = build(PLAIN['backbone'])
    assert all(isinstance(layer, DecoupledConv2d) for layer in layers)
    assert [layer.bias is None for layer in layers] == [False, True]
    assert nn.Conv2d not in kinds(backbone)
    assert len(calls) == 2 + sum(isinstance(m, nn.Conv2d) for m in backbone.modules())
    assert type(nn.Conv2d(3, 4, 3)) is nn.Conv2d


@torch.no_grad()
def test_backbones_run_stage_by_stage_inside_the_block():
    backbone, x = build(PLAIN['backbone']), torch.randn(1, 3, 16, 16)
    backbone.eval()  # returns None
    expected = backbone(x)
    block, calls = put_in_place('staged')
    with block:
        assert_close(backbone(x), expected, rtol=0, atol=0)
    backbone(x)
    assert len(calls) == 1


def test_classifiers_are_adf_classifiers_inside_the_block():
    block, calls = put_in_place('adf')
    cfg = dict(type='ImageClassifier', **PLAIN)
    with block:
        assert isinstance(build(cfg), ADFClassifier)
    assert not isinstance(build(cfg), ADFClassifier)
    assert len(calls) == 1


def test_feature_maps_are_pooled_by_wise_srnet_inside_the_block():
    block, calls = put_in_place('wise_srnet')
    neck, maps = build(PLAIN['neck']), (torch.rand(2, 3, 4, 4), torch.rand(2, 5, 1, 1))
    with block:
        shapes = [tuple(x.shape) for x in neck(maps)]
        assert neck(maps[0][:1]).shape == (1, 3)
    assert shapes == [(2, 3), (2, 5)]
    assert len(calls) == 2
    assert WiseSrNetPooling in kinds(neck)
    assert_close(neck(maps[0]), maps[0].mean((2, 3)))


def test_a_folder_without_the_tests_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match='there is no tests/test_models'):
        run_host_tests(tmp_path, 'adf', [], [])


def test_outcomes_are_counted_and_failures_named(tmp_path):
    (tmp_path / 'test_of_the_host.py').write_text(
        'from torch import nn\n'
        'def test_kind():\n    assert type(nn.Conv2d(3, 4, 1)) is not nn.Conv2d\n'
        'def test_fails():\n    raise ValueError("no such layer")\n'
    )
    (tmp_path / 'test_no_module.py').write_text('import no_such_module\n')
    files = ['test_of_the_host.py', 'test_no_module.py']
    options = ['-p', 'no:terminal', '--continue-on-collection-errors']
    report, count = run_host_tests(tmp_path, 'decoupled', files, options)
    assert count == 1
    assert report.outcomes == dict(passed=1, failed=2)
    assert report.failures[1] == (
        'test_of_the_host.py::test_fails',
        'ValueError: no such layer',
    )
    assert 'no_such_module' in report.failures[0][1]
