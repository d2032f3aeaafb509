from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from torch import nn
from torch.autograd import gradcheck
from torch.testing import assert_close

from mmadf.models import WiseSrNetHead, WiseSrNetPooling
from tests.helpers import randomise, samples

# Made by Keras (AveragePooling2D(2), DepthwiseConv2D(3, depthwise_constraint=NonNeg()),
# Flatten, Dense(softmax)) with SGD(0.5, momentum=0.9) on one batch of cross-entropy;
# float32 on both sides, and the weights are below 1: hence the tolerance of 1e-5.
KERAS = np.load(Path(__file__).parents[1] / 'data' / 'wise_srnet_keras.npz')
PARAMETERS = dict(
    dw_weight='spatial.weight',
    dw_bias='spatial.bias',
    fc_weight='fc.weight',
    fc_bias='fc.bias',
)


def build(**changes):
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return WiseSrNetHead(**{**dict(num_classes=3, in_channels=4), **changes})


def image(n=2, c=4, h=7, w=7, dtype=torch.float32):
    return torch.randn(n, c, h, w, dtype=dtype)


# Value: Keras


def keras_state(step):
    names = PARAMETERS.items()
    return {ours: torch.from_numpy(KERAS[f'{step}/{theirs}']) for theirs, ours in names}


def step_on_keras_batch(head, optimizer):
    optimizer.zero_grad()
    x = torch.from_numpy(KERAS['x'])
    loss = head.loss((x,), samples(KERAS['y']))['loss']
    loss.backward()
    optimizer.step()
    return loss.item()


def test_four_steps_follow_keras():
    head = build(num_classes=5, in_channels=6, map_size=7, pool_size=2)
    head.load_state_dict(keras_state('init'))
    optimizer = torch.optim.SGD(head.parameters(), lr=0.5, momentum=0.9)
    for mode in (False, True):
        head.train(mode)
        prob = head((torch.from_numpy(KERAS['x']),)).softmax(1)
        assert_close(prob.detach().numpy(), KERAS['init/prob'], rtol=0, atol=1e-5)
    for step, loss in enumerate(KERAS['losses'], start=1):
        found = step_on_keras_batch(head, optimizer)
        assert found == pytest.approx(loss, abs=1e-5)
        state = head.state_dict()
        for name, expected in keras_state(f'step{step}').items():
            assert_close(state[name], expected, rtol=0, atol=1e-5)
    prob = head.eval()((torch.from_numpy(KERAS['x']),)).softmax(1)
    assert_close(prob.detach().numpy(), KERAS['final/prob'], rtol=0, atol=1e-5)


def numpy_forward(x, y, w, b, fc, c, pool):
    """Return loss, gradients of w, b, fc, c, by loops; Keras's layers in float64."""
    n, channels, k = len(x), x.shape[1], w.shape[-1]
    cells = np.zeros((n, channels, k, k))
    for i in range(k):
        for j in range(k):
            window = x[:, :, i * pool : i * pool + pool, j * pool : j * pool + pool]
            cells[:, :, i, j] = window.mean((2, 3))
    features = b + np.array([[(cell * w[:, 0]).sum((1, 2))] for cell in cells])[:, 0]
    logits = features @ fc.T + c
    prob = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    delta = (prob - np.eye(len(c))[y]) / n
    d_features = delta @ fc
    d_w = np.einsum('nc,ncij->cij', d_features, cells)[:, None]
    loss = -np.log(prob[range(n), y]).mean()
    return loss, [d_w, d_features.sum(0), delta.T @ features, delta.sum(0)]


@pytest.mark.parametrize('constraint', ['nonneg', None])
@pytest.mark.parametrize(
    ('map_size', 'pool_size'), [(7, 2), (16, 3), (7, None), (16, None), (5, 1)]
)
def test_steps_follow_keras_update_rule(map_size, pool_size, constraint):
    sizes = dict(map_size=map_size, pool_size=pool_size, constraint=constraint)
    head = build(num_classes=5, in_channels=6, **sizes).double()
    assert head.spatial.weight.shape[-1] == map_size // (pool_size or 1)
    optimizer = torch.optim.SGD(head.parameters(), lr=2.0, momentum=0.9)
    weights = [p.detach().numpy().copy() for p in head.parameters()]
    speeds = [np.zeros_like(w) for w in weights]
    x = image(12, 6, map_size, map_size, dtype=torch.float64)
    y = np.arange(12) % 5
    for _ in range(5):
        optimizer.zero_grad()
        loss = head.loss((x,), samples(y))['loss']
        loss.backward()
        optimizer.step()
        expected, gradients = numpy_forward(x.numpy(), y, *weights, pool_size or 1)
        assert loss.item() == pytest.approx(expected, rel=1e-12)
        for w, v, g in zip(weights, speeds, gradients, strict=True):
            v[:] = 0.9 * v - 2.0 * g
            w += v
        if constraint:
            weights[0] = np.maximum(weights[0], 0)
        for parameter, w in zip(head.parameters(), weights, strict=True):
            assert_close(parameter.detach().numpy(), w, rtol=1e-12, atol=1e-14)
    assert (head.spatial.weight == 0).any() == bool(constraint)


# Value: loops


@torch.no_grad()
@pytest.mark.parametrize(
    ('pooling', 'constraint'),
    [
        ('depthwise', 'nonneg'),
        ('depthwise', None),
        ('shared', 'nonneg'),
        ('shared', None),
        ('flatten', None),
        ('mean', None),
    ],
)
@pytest.mark.parametrize(
    ('map_size', 'pool_size'), [((7, 7), 2), ((16, 16), 3), ((5, 8), 2), ((5, 3), None)]
)
def test_logits_equal_loop(map_size, pool_size, pooling, constraint):
    pool_size = None if pooling == 'mean' else pool_size
    choices = dict(pooling=pooling, constraint=constraint)
    head = build(map_size=map_size, pool_size=pool_size, **choices)
    head = randomise(head).double()
    x = image(2, 4, *map_size, dtype=torch.float64)
    p = pool_size or 1
    height, width = map_size[0] // p, map_size[1] // p
    cells = torch.zeros(2, 4, height, width, dtype=torch.float64)
    features = torch.zeros(2, 4, dtype=torch.float64)
    for c in range(4):
        for i in range(height):
            for j in range(width):
                window = x[:, c, i * p : i * p + p, j * p : j * p + p]
                cells[:, c, i, j] = window.mean((1, 2))
                if pooling == 'mean':
                    features[:, c] += cells[:, c, i, j] / (height * width)
                elif pooling != 'flatten':
                    k = c if pooling == 'depthwise' else 0
                    features[:, c] += (
                        head.spatial.weight[k, 0, i, j] * cells[:, c, i, j]
                    )
        if pooling in ('depthwise', 'shared'):
            features[:, c] += head.spatial.bias[c if pooling == 'depthwise' else 0]
    if pooling == 'flatten':
        features = cells.reshape(2, -1)
    assert_close(head.pre_logits((x,)), features)
    assert_close(head((x,)), features @ head.fc.weight.T + head.fc.bias)


@pytest.mark.parametrize('size', [7, 12])
def test_gradcheck(size):
    head = randomise(build(in_channels=2, resize_kernel=True)).double()
    x = image(1, 2, size, size, dtype=torch.float64).requires_grad_()
    names, values = zip(*head.named_parameters(), strict=True)

    def logits(x, *values):
        parameters = dict(zip(names, values, strict=True))
        return torch.func.functional_call(head, parameters, ((x,),))

    values = [v.detach().clone().requires_grad_() for v in values]
    assert gradcheck(logits, (x, *values))


def test_neck_and_head_share_the_pooling():
    head = randomise(build(map_size=(6, 8)))
    neck = WiseSrNetPooling(in_channels=4, map_size=(6, 8))
    state = head.state_dict()
    neck.load_state_dict({k: v for k, v in state.items() if not k.startswith('fc')})
    head.load_state_dict(state)
    maps = (torch.zeros(2, 9, 3, 3), image(2, 4, 6, 8))
    (features,) = neck(maps)
    assert features.abs().max() > 0.1
    assert_close(features, head.pre_logits(maps))


# Laws


@pytest.mark.parametrize('pooling', ['depthwise', 'shared'])
def test_weights_of_one_over_k_squared_are_gap_in_value_and_gradient(pooling):
    gap = dict(pooling=pooling, pool_size=None, kernel_init='gap')
    head = build(map_size=5, **gap).double()
    x = image(2, 4, 5, 5, dtype=torch.float64).requires_grad_()
    mean = x.mean((2, 3))
    assert_close(head.pre_logits((x,)), mean)
    weights = torch.randn_like(mean)
    ours, theirs = (
        torch.autograd.grad((y * weights).sum(), x)[0]
        for y in (head.pre_logits((x,)), mean)
    )
    assert_close(ours, theirs)


def test_gap_by_its_field_is_the_linear_head_of_mmpretrain():
    from mmpretrain.models import GlobalAveragePooling, LinearClsHead

    gap = build(pooling='mean', pool_size=None, constraint=None)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        linear = LinearClsHead(num_classes=3, in_channels=4)
    linear.load_state_dict(randomise(gap).state_dict())
    x = image(2, 4, 9, 6)
    assert_close(gap((x,)), linear(GlobalAveragePooling()((x,))))


# The paper's table: (classes, channels, map, pool) -> extra over GAP. The published
# totals are Keras's, which count backbones otherwise, so differences are compared.
TABLE = [
    (70, 2048, 7, None, 23_833_542 - 23_731_142),  # ResNet50
    (70, 2048, 7, 2, 23_751_622 - 23_731_142),
    (70, 2048, 7, None, 21_107_310 - 21_004_910),  # Xception
    (70, 2048, 7, 2, 21_025_390 - 21_004_910),
    (70, 1024, 7, None, 7_160_454 - 7_109_254),  # DenseNet121
    (70, 1024, 7, 2, 7_119_494 - 7_109_254),
    (6, 1664, 7, None, 12_736_070 - 12_652_870),  # DenseNet169
    (6, 1664, 7, 2, 12_669_510 - 12_652_870),
    (67, 2048, 16, 3, 23_755_331 - 23_702_083),  # ResNet50V2, 512 pixels
    (67, 1920, 16, 3, 18_500_611 - 18_450_691),  # DenseNet201, 512 pixels
]


def parameters(module):
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(('classes', 'channels', 'map_size', 'pool', 'extra'), TABLE)
def test_parameters_over_gap_are_the_published_ones(
    classes, channels, map_size, pool, extra
):
    cfg = dict(num_classes=classes, in_channels=channels, map_size=map_size)
    gap = build(**cfg, pool_size=None, pooling='mean', constraint=None)
    assert parameters(gap) == channels * classes + classes
    assert parameters(build(**cfg, pool_size=pool)) - parameters(gap) == extra
    neck = WiseSrNetPooling(channels, map_size, pool)
    assert parameters(neck) == extra


def test_parameters_of_the_other_variants():
    flatten = build(pooling='flatten', constraint=None)
    assert parameters(flatten) == 4 * 9 * 3 + 3
    assert parameters(build(pooling='shared')) == 9 + 1 + 4 * 3 + 3


@pytest.mark.parametrize('initialised', [False, True])
@pytest.mark.parametrize(
    ('kernel_init', 'mean', 'std'), [('normal', 0, 0.01), ('gap', 1 / 9, 0)]
)
def test_first_weights(initialised, kernel_init, mean, std):
    head = build(num_classes=100, in_channels=512, kernel_init=kernel_init)
    if initialised:
        randomise(head).init_weights()
    for weight, (m, s) in (
        (head.fc.weight, (0, 0.01)),
        (head.spatial.weight, (mean, std)),
    ):
        assert weight.mean().item() == pytest.approx(m, abs=1e-3)
        assert weight.std().item() == pytest.approx(s, abs=1e-3)
    assert not head.fc.bias.any() and not head.spatial.bias.any()


def test_dropout_stands_before_the_classifier():
    head = randomise(build(dropout=0.5, in_channels=256))
    nn.init.ones_(head.fc.weight)
    nn.init.zeros_(head.fc.bias)
    x = image(1, 256)
    features = head.pre_logits((x,))[0]
    torch.manual_seed(1)
    found = head((x,))[0, 0]
    torch.manual_seed(1)
    kept = torch.nn.functional.dropout(features, 0.5)
    assert_close(found, kept.sum())
    assert 64 < (kept == 0).sum() < 192
    assert_close(head.eval()((x,))[0, 0], features.sum())


# Resolution


@pytest.mark.parametrize('size', [(16, 16), (5, 9), (6, 6), (2, 2)])
def test_the_kernel_follows_the_map(size):
    head = randomise(build(resize_kernel=True))
    values = torch.randn(2, 4, 1, 1)
    expected = head((values.expand(2, 4, 7, 7),))
    assert_close(head((values.expand(2, 4, *size),)), expected)


def test_a_network_of_224_pixels_sees_the_same_places_at_twice_the_size():
    head = randomise(build(map_size=6, resize_kernel=True))
    x = image(2, 4, 6, 6)
    assert_close(head((x.repeat_interleave(2, 2).repeat_interleave(2, 3),)), head((x,)))


@pytest.mark.parametrize(('old', 'new'), [(7, 16), (16, 7), (7, (5, 9))])
@pytest.mark.parametrize('cls', ['head', 'neck'])
def test_checkpoints_load_across_map_sizes(old, new, cls):
    def make(size):
        if cls == 'neck':
            return WiseSrNetPooling(4, size, resize_kernel=True)
        return build(map_size=size, resize_kernel=True)

    one, other = randomise(make(old)), make(new)
    state = one.state_dict()
    shapes = {name: value.shape for name, value in state.items()}
    other.load_state_dict(state)
    assert {name: value.shape for name, value in state.items()} == shapes
    kernel = other.spatial.weight
    assert (kernel >= 0).all()
    assert_close(kernel.sum((2, 3)), state['spatial.weight'].sum((2, 3)))
    assert_close(other.spatial.bias, one.spatial.bias)


def test_a_trained_kernel_is_refused_by_a_fixed_head_of_another_size():
    for load in (
        lambda head, state: head.load_state_dict(state),
        lambda head, state: head.load_state_dict(state, strict=False),
    ):
        with pytest.raises(
            ValueError, match='for a 5x5 .* has one for 3x3.*resize_kernel'
        ):
            load(build(map_size=16, pool_size=3), build().state_dict())


def test_another_number_of_channels_is_the_error_of_torch():
    state = build(in_channels=5, map_size=16).state_dict()
    with pytest.raises(RuntimeError, match='size mismatch for spatial.weight'):
        build(resize_kernel=True).load_state_dict(state)
    with pytest.raises(RuntimeError, match='size mismatch for spatial.weight'):
        build().load_state_dict(state)


def test_the_same_size_loads_exactly():
    one, other = randomise(build()), build()
    other.load_state_dict(one.state_dict())
    x = image()
    reference = one.state_dict()
    assert (reference['spatial.weight'] >= 0).all()
    one.load_state_dict(reference)
    assert torch.equal(other((x,)), one((x,)))


# State


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
@pytest.mark.parametrize('size', [7, 16])
def test_autocast(dtype, size):
    head = randomise(build(in_channels=64, resize_kernel=True))
    x = image(8, 64, size, size)
    expected = head((x,))
    with torch.autocast('cpu', dtype):
        found = head((x.to(dtype),))
        loss = head.loss((x.to(dtype),), samples([0] * 8))['loss']
    loss.backward()
    assert found.dtype == dtype
    assert (found - expected).abs().max() < 4 * torch.finfo(
        dtype
    ).eps * expected.abs().max()
    assert head.spatial.weight.grad.isfinite().all()
    assert head.spatial.weight.grad.abs().sum() > 0


# Errors


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(map_size=1, pool_size=2), 'pool_size=2 leaves nothing .* map_size=1x1'),
        (dict(map_size=(2, 8), pool_size=3), 'pool_size=3 leaves nothing .*=2x8'),
        (dict(pool_size=0), 'pool_size=0 .* choose 1 <= pool_size <= 7, or None'),
        (dict(map_size=0), r'map_size=\(0, 0\) must be one positive number or two'),
        (dict(map_size=(7, 7, 7)), 'must be one positive number or two'),
        (dict(num_classes=0), 'num_classes=0 must be positive'),
        (dict(in_channels=0), 'in_channels=0 must be positive'),
        (dict(dropout=1.0), r'dropout=1.0 must be in \[0, 1\)'),
        (dict(constraint='relu'), "constraint='relu' is neither 'nonneg' nor None"),
        (dict(pooling='max'), "pooling='max' is none of"),
        (dict(kernel_init='zero'), "kernel_init='zero' is none of"),
        (dict(pooling='mean', pool_size=None), "'mean' has no kernel.*constraint=None"),
        (dict(pooling='flatten'), "'flatten' has no kernel, got constraint='nonneg'"),
        (
            dict(pooling='flatten', constraint=None, resize_kernel=True),
            'no kernel.*resize_kernel=True',
        ),
        (dict(pooling='mean', constraint=None), 'got pool_size=2, which drops'),
    ],
)
def test_bad_arguments_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        build(**changes)


@pytest.mark.parametrize(
    ('size', 'built', 'message'),
    [
        ((5, 5), dict(map_size=3), 'for a 3x3 map, got 5x5; set map_size=5 or resize'),
        ((5, 6), {}, r'for a 7x7 map, got 5x6; set map_size=\(5, 6\) or resize_kernel'),
        ((6, 6), {}, 'built for a 7x7 map, got 6x6'),
        (
            (16, 16),
            dict(pooling='flatten', constraint=None),
            r'built for a 7x7 map, got 16x16; set map_size=16\.',
        ),
        ((1, 4), dict(resize_kernel=True), 'pool_size=2 leaves nothing of a 1x4 map'),
    ],
)
@pytest.mark.parametrize('cls', ['WiseSrNetHead', 'WiseSrNetPooling'])
def test_another_map_names_both_sizes(cls, size, built, message):
    module = build(**built) if cls == 'WiseSrNetHead' else WiseSrNetPooling(4, **built)
    with pytest.raises(ValueError, match=f'{cls}: .*{message}'):
        module((image(1, 4, *size),))


@pytest.mark.parametrize('shape', [(2, 4), (2, 5, 7, 7)])
def test_what_is_no_map_is_named(shape):
    with pytest.raises(
        ValueError, match='takes a map .N, 4, H, W.; remove the pooling'
    ):
        build()((torch.randn(shape),))
