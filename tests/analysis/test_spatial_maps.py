import pytest
import torch
from mmengine.registry import DefaultScope
from torch.testing import assert_close

from mmadf.analysis.spatial_maps import plot_spatial_maps, spatial_maps
from mmadf.registry import MODELS
from tests.helpers import CHANNELS, adf_cfg, backbone_cfg, named, randomise

SIZES = dict(in_channels=CHANNELS[-1], map_size=(6, 4))
POOLING = dict(type='WiseSrNetPooling', **SIZES)
LINEAR = dict(type='LinearClsHead', num_classes=5, in_channels=CHANNELS[-1])
HEAD = dict(type='WiseSrNetHead', num_classes=5, **SIZES)
FREE = dict(pool_size=None, constraint=None)


def build(**slots):
    cfg = dict(type='ImageClassifier', backbone=backbone_cfg(), **slots)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return randomise(MODELS.build(cfg))


@pytest.mark.parametrize(
    'slots',
    [
        dict(head=dict(HEAD, **FREE)),
        dict(head=dict(HEAD, pooling='shared', **FREE)),
        dict(neck=dict(POOLING, **FREE), head=LINEAR),
    ],
)
@torch.no_grad()
def test_a_class_map_is_the_contribution_of_a_position_to_the_logit(slots):
    model = build(**slots).eval()
    ((slot, maps),) = spatial_maps(model).items()
    assert slot == ('neck' if 'neck' in slots else 'head')

    def logits(x):
        return model.head((x,) if model.neck is None else model.neck((x,)))

    one = torch.zeros(1, CHANNELS[-1], 6, 4)
    nothing = logits(one)
    one[:, :, 4, 1] = 1
    added = (logits(one) - nothing)[0]
    assert_close(added, maps.classes[:, 4, 1], rtol=1e-4, atol=1e-4)


def test_kernels_are_the_weights_of_the_layer():
    for pooling, count in dict(depthwise=64, shared=1).items():
        model = build(head=dict(HEAD, pooling=pooling, **FREE))
        maps = spatial_maps(model)['head']
        weights = model.head.state_dict()
        (name,) = [name for name in weights if name.endswith('spatial.weight')]
        assert maps.kernels.shape == (count, 6, 4)
        assert_close(maps.kernels, weights[name][:, 0])


def test_both_branches_are_found_and_modes_are_kept():
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        both = MODELS.build(adf_cfg(neck=POOLING, head=LINEAR))
    maps = spatial_maps(both.train())
    assert set(maps) == {'neck', 'appearance_neck'}
    for name, head in (('neck', both.head), ('appearance_neck', both.appearance_head)):
        expected = torch.einsum('kc,chw->khw', head.fc.weight, maps[name].kernels)
        assert_close(maps[name].classes, expected.detach())
    assert both.training and both.neck.training


def test_a_head_without_one_linear_layer_has_no_class_maps():
    stacked = dict(type='StackedLinearClsHead', num_classes=5, in_channels=64)
    other = build(neck=POOLING, head=dict(stacked, mid_channels=[8]))
    assert spatial_maps(other)['neck'].classes is None


def test_a_kernel_has_class_maps_if_the_classifier_follows_directly():
    pooling = dict(POOLING, **FREE)
    linear = dict(type='LinearNeck', in_channels=64, out_channels=64)
    scales = dict(type='HRFuseScales', in_channels=(64,), out_channels=64)
    for neck, follows in (
        ([pooling, linear], False),
        ([scales, pooling], True),
        ([pooling], True),
    ):
        with named(neck):
            maps = spatial_maps(build(neck=neck, head=LINEAR))['neck']
            assert maps.kernels.shape == (64, 6, 4)
            assert (maps.classes is not None) == follows


def test_a_network_without_kernel_is_refused():
    for slots in (
        dict(neck=dict(type='GlobalAveragePooling'), head=LINEAR),
        dict(head=dict(HEAD, pooling='mean', **FREE)),
    ):
        with pytest.raises(ValueError, match='no WiseSrNetHead or WiseSrNetPooling'):
            spatial_maps(build(**slots))


def test_the_plot_shows_kernels_and_what_differs_between_classes(tmp_path, monkeypatch):
    pyplot = pytest.importorskip('matplotlib.pyplot')
    maps = spatial_maps(build(head=dict(HEAD, **FREE)))
    monkeypatch.setattr(pyplot, 'close', lambda figure: None)
    names = ['ant', 'bee', 'cow', 'dog', 'elk']
    plot_spatial_maps(
        maps, lambda count: names[:count], (2, 4), tmp_path / 'new' / 'maps.png'
    )
    shown = {
        a.get_title(loc='left'): a.images[0] for a in pyplot.gcf().axes if a.images
    }
    monkeypatch.undo()
    pyplot.close('all')
    found = maps['head']
    shared = sum(found.classes) / 5
    expected = {
        'mean kernel': sum(found.kernels) / 64,
        'channel 0': found.kernels[0],
        'channel 63': found.kernels[63],
        **{names[i]: found.classes[i] - shared for i in (0, 1, 3, 4)},
    }
    assert set(expected) <= set(shown)
    for title, values in expected.items():
        assert_close(torch.tensor(shown[title].get_array().data), values)
    limits = {shown[name].get_clim() for name in ('ant', 'bee', 'dog', 'elk')}
    largest = (found.classes[[0, 1, 3, 4]] - shared).abs().max().item()
    ((low, high),) = limits
    assert (low, high) == pytest.approx((-largest, largest))
    assert (tmp_path / 'new' / 'maps.png').read_bytes().startswith(b'\x89PNG')
