"""Wise-SrNet's pooling and head, against Keras's arrays and against loops."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from torch import nn
from torch.autograd import gradcheck
from torch.testing import assert_close

from mmadf.models import WiseSrNetHead, WiseSrNetPooling
from mmadf.models.layers.spatial_kernel import resize_kernel
from tests.helpers import named, randomise, samples

# Made by Keras (AveragePooling2D(2), DepthwiseConv2D(3, depthwise_constraint=NonNeg()),
# Flatten, Dense(softmax)) with SGD(0.5, momentum=0.9) on one batch of cross-entropy;
# float32 on both sides, and the weights are below 1: hence the tolerance of 1e-5.
KERAS = np.load(Path(__file__).parents[2] / 'data' / 'wise_srnet_keras.npz')
PARAMETERS = dict(
    dw_weight='pooling.spatial.weight',
    dw_bias='pooling.spatial.bias',
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
    prob = head.train()((torch.from_numpy(KERAS['x']),)).softmax(1)
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


@pytest.mark.parametrize(
    ('map_size', 'pool_size', 'constraint'),
    [(7, 2, 'nonneg'), (16, 3, 'nonneg'), (7, None, 'nonneg'), (7, None, None)],
)
def test_steps_follow_keras_update_rule(map_size, pool_size, constraint):
    sizes = dict(map_size=map_size, pool_size=pool_size, constraint=constraint)
    head = build(num_classes=5, in_channels=6, **sizes).double()
    assert head.pooling.spatial.weight.shape[-1] == map_size // (pool_size or 1)
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
    assert (head.pooling.spatial.weight == 0).any() == bool(constraint)


# Value: loops


@torch.no_grad()
@pytest.mark.parametrize(
    ('pooling', 'constraint'),
    [('depthwise', 'nonneg'), ('shared', None), ('flatten', None), ('mean', None)],
)
@pytest.mark.parametrize(('map_size', 'pool_size'), [((5, 8), 2), ((5, 3), None)])
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
                    kernel = head.pooling.spatial.weight
                    weight = kernel[c % len(kernel), 0, i, j]
                    features[:, c] += weight * cells[:, c, i, j]
        if pooling in ('depthwise', 'shared'):
            bias = head.pooling.spatial.bias
            features[:, c] += bias[c % len(bias)]
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


def test_the_head_has_the_neck_as_its_pooling():
    head = randomise(build(map_size=(6, 8)))
    neck = WiseSrNetPooling(in_channels=4, map_size=(6, 8))
    neck.load_state_dict(head.pooling.state_dict(keep_vars=True))
    maps = (torch.zeros(2, 9, 3, 3), image(2, 4, 6, 8))
    (features,) = neck(maps)
    assert features.abs().max() > 0.1
    assert_close(features, head.pre_logits(maps))


def test_tensor_gives_what_a_tuple_of_it_gives():
    head, x = randomise(build()).eval(), image(3)
    assert_close(head(x), head((x,)))
    assert_close(head.pooling(x), head.pooling((x,))[0])
    for ranks in (2, 3):
        with named(ranks), pytest.raises(ValueError, match=r'must be \(N, 4, H, W\)'):
            head(torch.zeros((4, 4, 7)[:ranks]))


# Laws


def test_weights_of_one_over_k_squared_are_gap_in_value_and_gradient():
    for pooling in ['depthwise', 'shared']:
        with named(pooling):
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
    linear.fc.load_state_dict(randomise(gap).fc.state_dict())
    assert not [n for n, _ in gap.named_parameters() if not n.startswith('fc.')]
    x = image(2, 4, 9, 6)
    assert_close(gap((x,)), linear(GlobalAveragePooling()((x,))))


# The paper's table: (classes, channels, map, pool) -> extra over GAP. The published
# totals are Keras's, which count backbones otherwise, so differences are compared.
TABLE = [
    (70, 2048, 7, None, 23_833_542 - 23_731_142),  # ResNet50
    (70, 2048, 7, 2, 23_751_622 - 23_731_142),
    (70, 2048, 7, None, 21_107_310 - 21_004_910),  # Xception
    (70, 1024, 7, 2, 7_119_494 - 7_109_254),  # DenseNet121
    (6, 1664, 7, 2, 12_669_510 - 12_652_870),  # DenseNet169
    (67, 1920, 16, 3, 18_500_611 - 18_450_691),  # DenseNet201, 512 pixels
]


def parameters(module):
    return sum(p.numel() for p in module.parameters())


def test_parameters_over_gap_are_the_published_ones():
    for classes, channels, map_size, pool, extra in TABLE:
        with named((classes, channels, map_size, pool)):
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


def test_initial_weights():
    for kernel_init, mean, std in [('normal', 0, 0.01), ('gap', 1 / 9, 0)]:
        for initialised in [False, True]:
            with named((initialised, kernel_init)):
                head = build(num_classes=100, in_channels=512, kernel_init=kernel_init)
                if initialised:
                    randomise(head).init_weights()
                for weight, (m, s) in (
                    (head.fc.weight, (0, 0.01)),
                    (head.pooling.spatial.weight, (mean, std)),
                ):
                    assert weight.mean().item() == pytest.approx(m, abs=1e-3)
                    assert weight.std().item() == pytest.approx(s, abs=1e-3)
                assert not head.fc.bias.any() and not head.pooling.spatial.bias.any()


def test_dropout_precedes_the_linear_layer():
    head = randomise(build(dropout=0.5, in_channels=256, constraint=None))
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


def test_the_kernel_is_resampled_to_the_feature_map():
    for size in [(16, 16), (5, 9), (2, 2)]:
        with named(size):
            head = randomise(build(resize_kernel=True))
            values = torch.randn(2, 4, 1, 1)
            expected = head((values.expand(2, 4, 7, 7),))
            assert_close(head((values.expand(2, 4, *size),)), expected)


def test_a_map_smaller_than_the_pool_is_refused_with_resize_kernel():
    head = build(map_size=7, pool_size=3, resize_kernel=True)
    with pytest.raises(ValueError, match=r'pool_size=3 must not .* got \(5, 2\)'):
        head((image(2, 4, 5, 2),))
    assert head((image(2, 4, 3, 3),)).isfinite().all()


def test_repeated_positions_at_twice_the_size_give_the_same():
    head = randomise(build(map_size=6, resize_kernel=True))
    x = image(2, 4, 6, 6)
    assert_close(head((x.repeat_interleave(2, 2).repeat_interleave(2, 3),)), head((x,)))


def test_checkpoints_load_across_map_sizes():
    for old, new in [(7, 16), (16, (5, 9))]:
        with named(old):
            one, other = (
                build(map_size=size, resize_kernel=True) for size in (old, new)
            )
            randomise(one)
            state = one.state_dict()
            shapes = {name: value.shape for name, value in state.items()}
            other.load_state_dict(state)
            assert {name: value.shape for name, value in state.items()} == shapes
            ours, given = other.pooling.spatial, state['pooling.spatial.weight']
            size = tuple(ours.weight.shape[2:])
            assert_close(ours.weight.detach(), resize_kernel(given, size))
            assert_close(ours.bias, one.pooling.spatial.bias)
            assert_close(other.fc.weight, one.fc.weight)


def test_a_kernel_of_another_size_is_refused_without_resize_kernel():
    for strict in [True, False]:
        with named(strict):
            state = build().state_dict()
            with pytest.raises(
                ValueError, match=r'4, 1, 5, 5\).*4, 1, 3, 3\).*resize_kernel'
            ):
                build(map_size=16, pool_size=3).load_state_dict(state, strict=strict)


def test_another_number_of_channels_is_the_error_of_torch():
    for resize in [True, False]:
        with named(resize):
            state = build(in_channels=5, map_size=16).state_dict()
            with pytest.raises(
                RuntimeError, match='size mismatch for pooling.spatial.weight'
            ):
                build(resize_kernel=resize).load_state_dict(state)


def test_the_same_size_loads_exactly():
    one, other, x = randomise(build()), build(), image()
    other.load_state_dict(one.state_dict())
    assert torch.equal(other.eval()((x,)), one.eval()((x,)))


# State


@pytest.mark.parametrize(('dtype', 'size'), [(torch.float16, 7), (torch.bfloat16, 16)])
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
    assert head.pooling.spatial.weight.grad.isfinite().all()
    assert head.pooling.spatial.weight.grad.abs().sum() > 0


# Errors


def test_invalid_arguments_are_refused():
    for changes, message in [
        (dict(map_size=(2, 8), pool_size=3), r'pool_size=3 .* 1 to 2 .*\(2, 8\)'),
        (dict(pool_size=(2, 2)), r'pool_size=\(2, 2\) must be from 1 to'),
        (
            dict(pooling='mean', constraint=None, pool_size=None, kernel_init='gap'),
            "'mean' requires .*'kernel_init': 'normal'.* got .*'kernel_init': 'gap'",
        ),
        (dict(pool_size=0), 'pool_size=0 .* 1 to 7'),
        (dict(map_size=0), r'map_size=\(0, 0\)'),
        (dict(map_size=(7, 7, 7)), r'map_size=\(7, 7, 7\)'),
        (dict(map_size='7'), r"map_size=\('7',\) must be one or two positive"),
        (dict(map_size=7.5), r'map_size=\(7.5, 7.5\) must be'),
        (dict(pool_size=2.0), 'pool_size=2.0 .* 1 to 7'),
        (dict(num_classes=0), 'num_classes=0'),
        (dict(num_classes='5'), "num_classes='5' must be a positive integer"),
        (dict(in_channels=0), 'in_channels=0'),
        (dict(in_channels='4'), "in_channels='4' must be a positive integer"),
        (dict(dropout=None), r'dropout=None .*\[0, 1\)'),
        (dict(dropout=1.0), r'dropout=1.0 .*\[0, 1\)'),
        (dict(constraint='relu'), "constraint='relu' .*'nonneg'"),
        (dict(pooling='max'), "pooling='max' .*'depthwise'.*'mean'"),
        (dict(kernel_init='zero'), "kernel_init='zero' .*'normal'"),
        (dict(pooling='flatten'), "'flatten' .*got .*'constraint': 'nonneg'"),
        (
            dict(pooling='flatten', constraint=None, resize_kernel=True),
            "'flatten' .*got .*'resize_kernel': True",
        ),
        (dict(pooling='mean', constraint=None), "'mean' .*got .*'pool_size': 2"),
    ]:
        with named(changes), pytest.raises(ValueError, match=message):
            build(**changes)


def test_a_feature_map_of_another_size_is_refused():
    for size, built, message in [
        ((5, 6), {}, r'map_size=\(7, 7\) .*got \(5, 6\); .*resize_kernel=True'),
        # Behind the pool it is of the same size as a 7x7 feature map.
        ((6, 6), {}, r'map_size=\(7, 7\) .*got \(6, 6\)'),
        (
            (16, 16),
            dict(pooling='flatten', constraint=None),
            r'map_size=\(7, 7\) .*got \(16, 16\); set map_size=\(16, 16\)\.$',
        ),
    ]:
        with named(size), pytest.raises(ValueError, match=message):
            WiseSrNetPooling(4, **built)((image(1, 4, *size),))


def test_input_that_is_not_a_feature_map_is_refused():
    for shape in [(2, 4), (2, 5, 7, 7)]:
        with (
            named(shape),
            pytest.raises(ValueError, match=rf'\(N, 4, H, W\), got \({shape[0]}, '),
        ):
            build()((torch.randn(shape),))
