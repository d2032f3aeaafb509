import pytest
import torch
from mmengine.registry import DefaultScope
from mmpretrain.registry import MODELS
from torch.testing import assert_close

from mmadf.models import WiseSrNetHead
from tests.helpers import randomise, samples


def build(**changes):
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return WiseSrNetHead(**{**dict(num_classes=3, in_channels=4), **changes})


@torch.no_grad()
@pytest.mark.parametrize(('map_size', 'pool_size'), [(7, 2), (16, 3), (5, None)])
def test_logits_equal_loop(map_size, pool_size):
    head = randomise(build(map_size=map_size, pool_size=pool_size)).double()
    x = torch.randn(2, 4, map_size, map_size, dtype=torch.float64)
    p = pool_size or 1
    k = map_size // p
    assert head.spatial.weight.shape == (4, 1, k, k)
    features = torch.zeros(2, 4, dtype=torch.float64)
    for c in range(4):
        features[:, c] = head.spatial.bias[c]
        for i in range(k):
            for j in range(k):
                cell = x[:, c, i * p : i * p + p, j * p : j * p + p].mean((1, 2))
                features[:, c] += head.spatial.weight[c, 0, i, j] * cell
    expected = features @ head.fc.weight.T + head.fc.bias
    assert_close(head((x,)), expected)


def test_uniform_kernel_is_global_average_pooling():
    head = build(map_size=4, pool_size=None)
    torch.nn.init.constant_(head.spatial.weight, 1 / 16)
    torch.nn.init.zeros_(head.spatial.bias)
    x = torch.randn(2, 4, 4, 4)
    assert_close(head.pre_logits((x,)), x.mean((2, 3)))


@pytest.mark.parametrize('optimizer', [torch.optim.SGD, torch.optim.AdamW])
def test_kernel_is_projected_after_each_step_and_only_the_kernel(optimizer):
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        head = build(cal_acc=False)
        head.init_weights()
    assert (head.spatial.weight < 0).any()
    twin = build()
    twin.load_state_dict(head.state_dict())
    free = [p.detach().clone().requires_grad_() for p in head.parameters()]
    x = torch.randn(8, 4, 7, 7)
    ours, reference = optimizer(head.parameters(), lr=0.05), optimizer(free, lr=0.05)
    for _ in range(3):
        ours.zero_grad()
        head.loss((x,), samples([0, 1, 2, 0, 1, 2, 0, 1]))['loss'].backward()
        for parameter, copy in zip(head.parameters(), free, strict=True):
            copy.grad = parameter.grad.clone()
        ours.step()
        reference.step()
        names = dict(head.named_parameters())
        for (name, parameter), copy in zip(names.items(), free, strict=True):
            if name == 'spatial.weight':
                copy.data.clamp_(min=0)
                assert (parameter == 0).any()
            assert_close(parameter, copy)
    assert (twin.spatial.weight < 0).any(), 'another head was touched'


def test_parameters_over_gap():
    extra = sum(p.numel() for p in build(in_channels=2048).parameters())
    gap = 2048 * 3 + 3
    assert extra - gap == 23_751_622 - 23_731_142  # the paper's ResNet50, 70 classes


def test_drops_into_image_classifier():
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS.build(
            dict(
                type='ImageClassifier',
                backbone=dict(type='ResNet', depth=18),
                head=dict(type='WiseSrNetHead', num_classes=3, in_channels=512),
            )
        )
    losses = model.loss(torch.randn(2, 3, 224, 224), samples([0, 2]))
    losses['loss'].backward()
    assert model.head.spatial.weight.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(map_size=1, pool_size=2), 'pool_size=2 leaves nothing .* map_size=1'),
        (dict(num_classes=0), 'num_classes=0 .* must be positive'),
    ],
)
def test_bad_arguments_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        build(**changes)


def test_another_map_names_both_sizes():
    with pytest.raises(ValueError, match='built for a 7x7 map, got 5x6'):
        build()((torch.randn(1, 4, 5, 6),))
