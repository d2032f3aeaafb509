import cv2
import pytest
import torch
from mmengine.registry import DefaultScope
from torch.testing import assert_close

from mmadf.analysis.spatial_maps import spatial_maps
from mmadf.registry import MODELS
from tests.conftest import ROOT
from tests.helpers import CHANNELS, adf_cfg, backbone_cfg, randomise

SCRIPT = ROOT / 'tools/analysis/spatial_maps.py'
SIZES = dict(in_channels=CHANNELS[-1], map_size=(6, 4))
POOLING = dict(type='WiseSrNetPooling', **SIZES)
LINEAR = dict(type='LinearClsHead', num_classes=5, in_channels=CHANNELS[-1])
HEAD = dict(type='WiseSrNetHead', num_classes=5, **SIZES)
GAP = dict(pooling='mean', pool_size=None, constraint=None)


def build(**slots):
    cfg = dict(type='ImageClassifier', backbone=backbone_cfg(), **slots)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return randomise(MODELS.build(cfg))


@pytest.mark.parametrize(
    ('slots', 'name'),
    [
        (dict(head=HEAD), 'head'),
        (dict(head=dict(HEAD, pooling='shared')), 'head'),
        (dict(neck=POOLING, head=LINEAR), 'neck'),
    ],
)
def test_maps_are_kernel_mean_and_classifier_times_kernel(slots, name):
    model = build(**slots)
    (found,) = spatial_maps(model).items()
    assert found[0] == name
    channels, mean, classes = found[1]
    pooling = model.head.pooling if name == 'head' else model.neck
    kernel = pooling.spatial.weight.detach().clamp(min=0)
    fc = model.head.fc.weight
    for i in range(3):
        for j in range(2):
            values = [kernel[c % len(kernel), 0, i, j].item() for c in range(64)]
            assert channels[:, i, j].tolist() == pytest.approx(values)
            assert mean[i, j].item() == pytest.approx(sum(values) / 64, abs=1e-5)
            for k in range(5):
                total = sum(fc[k, c].item() * values[c] for c in range(64))
                assert classes[k, i, j].item() == pytest.approx(total, abs=1e-4)


def test_a_class_map_is_what_one_position_adds_to_the_logit():
    model = build(head=dict(HEAD, pool_size=None, constraint=None)).eval()
    nothing = model.head((torch.zeros(1, CHANNELS[-1], 6, 4),))
    _, _, classes = spatial_maps(model)['head']
    one = torch.zeros(1, CHANNELS[-1], 6, 4)
    one[:, :, 4, 1] = 1
    added = model.head((one,)) - nothing
    assert_close(added[0].detach(), classes[:, 4, 1], rtol=1e-4, atol=1e-4)


def test_both_branches_are_shown_and_a_foreign_head_has_no_classes():
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        both = MODELS.build(adf_cfg(neck=POOLING, head=LINEAR))
    maps = spatial_maps(both.train())
    assert set(maps) == {'neck', 'appearance_neck'}
    for name, head in (('neck', both.head), ('appearance_neck', both.appearance_head)):
        expected = torch.einsum('kc,chw->khw', head.fc.weight, maps[name].channels)
        assert_close(maps[name].classes, expected.detach())
    assert both.training and both.neck.training
    stacked = dict(type='StackedLinearClsHead', num_classes=5, in_channels=64)
    other = build(neck=POOLING, head=dict(stacked, mid_channels=[8]))
    assert spatial_maps(other)['neck'].classes is None


@pytest.mark.parametrize(
    'slots',
    [
        dict(neck=dict(type='GlobalAveragePooling'), head=LINEAR),
        dict(head=dict(HEAD, **GAP)),
    ],
)
def test_a_network_without_kernel_is_named(slots):
    with pytest.raises(ValueError, match='no WiseSrNetHead or WiseSrNetPooling'):
        spatial_maps(build(**slots))


@pytest.fixture
def files(tmp_path):
    """Return config and checkpoint of a small network."""
    model = build(head=HEAD)
    config, checkpoint = tmp_path / 'net.py', tmp_path / 'net.pth'
    cfg = dict(type='ImageClassifier', backbone=backbone_cfg(), head=HEAD)
    config.write_text(f"default_scope = 'mmpretrain'\nmodel = {cfg}\n")
    torch.save(dict(state_dict=model.state_dict()), checkpoint)
    return config, checkpoint


@pytest.mark.slow
def test_the_script_writes_a_picture(python, files, tmp_path):
    out = tmp_path / 'new' / 'maps.png'
    counts = ['--channels', '2', '--classes', '4']
    assert str(out) in python(SCRIPT, *files, out, *counts).stdout
    picture = cv2.imread(str(out))
    assert picture.shape == (600, 4 * 288, 3)
    assert len(set(map(tuple, picture.reshape(-1, 3).tolist()))) > 50


@pytest.mark.slow
def test_a_checkpoint_of_another_network_is_named(python, files, tmp_path):
    config, checkpoint = files
    gap = build(neck=dict(type='GlobalAveragePooling'), head=LINEAR)
    torch.save(dict(state_dict=gap.state_dict()), checkpoint)
    done = python(SCRIPT, config, checkpoint, tmp_path / 'maps.png', check=False)
    assert done.returncode != 0
    assert 'give a checkpoint of this config' in done.stderr
    assert 'head.pooling.spatial.weight' in done.stderr
