"""Adversarial training: attack, share of the batch, and what stays unchanged."""

from types import SimpleNamespace

import pytest
import torch
from mmengine.optim import OptimWrapper
from mmengine.registry import DefaultScope
from mmpretrain.models import ClsDataPreprocessor
from torch import nn
from torch.testing import assert_close

from mmadf.engine.hooks import AdversarialTrainingHook
from mmadf.registry import MODELS
from tests.helpers import CHANNELS, adf_cfg, backbone_cfg, named, randomise, samples

MEAN, STD = [120.0, 100.0, 80.0], [50.0, 60.0, 70.0]
LABELS = [0, 3, 2, 4]


def classifier(**preprocessor):
    cfg = dict(
        type='ImageClassifier',
        backbone=backbone_cfg(),
        neck=dict(type='GlobalAveragePooling'),
        head=dict(type='LinearClsHead', num_classes=5, in_channels=CHANNELS[-1]),
    )
    return build(cfg, **preprocessor)


def build(cfg, **preprocessor):
    preprocessor = {**dict(mean=MEAN, std=STD, to_rgb=True), **preprocessor}
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS.build(dict(cfg, data_preprocessor=preprocessor))
    return randomise(model, std=0.2)


def batch(size=16):
    """Return images of bytes that include black and white."""
    images = torch.randint(0, 256, (len(LABELS), 3, size, size), dtype=torch.uint8)
    images[0, :, 0], images[1, :, 1] = 0, 255
    return dict(inputs=images, data_samples=samples(LABELS))


def normalised(model, data):
    return model.data_preprocessor(data, training=True)['inputs']


def pixels(x):
    """Undo the normalisation."""
    return x * torch.tensor(STD).view(3, 1, 1) + torch.tensor(MEAN).view(3, 1, 1)


class Linear(nn.Module):
    """Logits w * sum over the image, with the interface of a classifier."""

    def __init__(self, weight):
        super().__init__()
        self.weight = nn.Parameter(weight)
        self.data_preprocessor = ClsDataPreprocessor(mean=[0] * 3, std=[1] * 3)

    def loss(self, inputs, data_samples):
        logits = torch.einsum('kcij,ncij->nk', self.weight, inputs)
        labels = torch.cat([sample.gt_label for sample in data_samples])
        return dict(loss=nn.functional.cross_entropy(logits, labels))

    def parse_losses(self, losses):
        return losses['loss'], {}


def test_fgsm_of_two_linear_classes_is_the_sign_of_their_difference():
    w = torch.randn(2, 3, 4, 4)
    inputs = torch.full((2, 3, 4, 4), 100.0)
    found = AdversarialTrainingHook('fgsm', eps=8).attack(
        Linear(w / 1e3), inputs, samples([0, 1])
    )
    assert_close(found[0], 100 + 8 * (w[1] - w[0]).sign())
    assert_close(found[1], 100 + 8 * (w[0] - w[1]).sign())


@pytest.mark.parametrize(('attack', 'eps'), [('fgsm', 0.5), ('pgd', 8), ('pgd', 255)])
def test_pixels_change_by_eps_at_most_and_stay_pixels(attack, eps):
    model = classifier()
    x = normalised(model, batch())
    found = AdversarialTrainingHook(attack, eps=eps).attack(model, x, samples(LABELS))
    change = pixels(found) - pixels(x)
    assert change.abs().max() <= eps + 1e-3
    assert change.abs().max() >= 0.9 * min(eps, 127)
    assert pixels(found).min() >= -1e-3
    assert pixels(found).max() <= 255 + 1e-3


def test_pgd_raises_the_loss_more_than_fgsm():
    model = classifier()
    x, labels = normalised(model, batch()), samples(LABELS)
    losses = [model.loss(x, labels)['loss']]
    for attack in ('fgsm', 'pgd'):
        found = AdversarialTrainingHook(attack, eps=4).attack(model, x, labels)
        losses.append(model.loss(found, labels)['loss'])
    assert losses[0] < losses[1] < losses[2]


def normalise(p):
    return (p - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)


@pytest.mark.parametrize(('step_size', 'step'), [(None, 5.0), (1.5, 1.5)])
def test_pgd_equals_a_loop_over_pixels(step_size, step):
    """From the random start of the hook, on a network without batch statistics."""
    model = classifier()
    model.train(False)
    x, labels = normalised(model, batch()), torch.tensor(LABELS)
    hook = AdversarialTrainingHook('pgd', eps=6, steps=3, step_size=step_size)
    torch.manual_seed(7)
    found = hook.attack(model, x, samples(LABELS))
    torch.manual_seed(7)
    p = pixels(x)
    moved = (p + 6 * (2 * torch.rand_like(x) - 1)).clamp(0, 255)
    for _ in range(3):
        moved.requires_grad_()
        loss = nn.functional.cross_entropy(model(normalise(moved)), labels)
        (gradient,) = torch.autograd.grad(loss, moved)
        moved = moved.detach() + step * gradient.sign()
        moved = torch.minimum(torch.maximum(moved, p - 6), p + 6).clamp(0, 255)
    wrong = (pixels(found) - moved).abs() > 2e-3
    assert wrong.float().mean() < 1e-3  # where rounding turns the sign of a gradient


def runner_of(model, **cfg):
    return SimpleNamespace(model=model, cfg=cfg)


def trained(model, hook, data):
    """Return the state of the model after one training step."""
    runner = runner_of(model)
    hook.before_train(runner)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    model.train_step(data, OptimWrapper(optimizer))
    hook.after_train(runner)
    return model.state_dict()


@pytest.mark.parametrize(('share', 'count'), [(0.5, 2), (0.01, 1), (0.3, 1), (0.4, 2)])
def test_a_step_equals_one_written_by_hand(share, count):
    data = batch()
    model, by_hand = classifier(), classifier()
    by_hand.load_state_dict(model.state_dict())
    x, labels = normalised(by_hand, data), torch.tensor(LABELS)
    buffers = {name: b.clone() for name, b in by_hand.named_buffers()}
    first = x[:count].clone().requires_grad_()
    nn.functional.cross_entropy(by_hand(first), labels[:count]).backward()
    unit = 1 / torch.tensor(STD).view(3, 1, 1)
    black, white = normalise(torch.tensor(0.0)), normalise(torch.tensor(255.0))
    moved = first.detach() + 8 * unit * first.grad.sign()
    mixed = torch.cat([torch.minimum(torch.maximum(moved, black), white), x[count:]])
    for name, buffer in by_hand.named_buffers():
        buffer.copy_(buffers[name])
    by_hand.zero_grad()
    nn.functional.cross_entropy(by_hand(mixed), labels).backward()
    torch.optim.SGD(by_hand.parameters(), lr=0.01).step()
    found = trained(model, AdversarialTrainingHook('fgsm', share=share), data)
    for name, expected in by_hand.state_dict().items():
        assert_close(found[name], expected, rtol=1e-4, atol=1e-6)


def test_running_statistics_see_only_the_batch_that_is_trained_on():
    model = classifier()
    trained(model, AdversarialTrainingHook('pgd', steps=3), batch())
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    assert {norm.num_batches_tracked.item() for norm in norms} == {1}


def test_losses_of_both_heads_are_attacked():
    model = build(adf_cfg())
    x, labels = normalised(model, batch()), samples(LABELS)
    hook = AdversarialTrainingHook('fgsm', eps=2)
    both = hook.attack(model, x, labels)
    for name in ('semantic_weight', 'appearance_weight'):
        weight = getattr(model.objective, name)
        setattr(model.objective, name, 0.0)
        assert (hook.attack(model, x, labels) != both).float().mean() > 0.05
        setattr(model.objective, name, weight)
    more = model.loss(both, labels)
    for name, value in model.loss(x, labels).items():
        assert more[name] > value


def test_only_training_is_attacked_and_only_while_it_lasts():
    model, data = classifier(), batch()
    x, labels = normalised(model, data), samples(LABELS)
    seen = []
    model.backbone.register_forward_hook(lambda m, args, out: seen.append(args[0]))
    hook = AdversarialTrainingHook('fgsm')
    hook.before_train(runner_of(model))
    model.train(False)
    model(x, labels, mode='loss')
    model.train()
    model(x, labels, mode='predict')
    model(x)
    assert all(torch.equal(inputs, x) for inputs in seen) and len(seen) == 3
    model(x, labels, mode='loss')
    assert not torch.equal(seen[-1][:2], x[:2])
    assert torch.equal(seen[-1][2:], x[2:])
    hook.after_train(runner_of(model))
    model(x, labels, mode='loss')
    assert torch.equal(seen[-1], x)


def test_an_attack_leaves_no_gradients_in_the_weights():
    model = classifier()
    x = normalised(model, batch())
    AdversarialTrainingHook('pgd').attack(model, x, samples(LABELS))
    assert all(p.grad is None for p in model.parameters())


def test_the_attack_is_computed_in_float32_under_autocast():
    model = classifier()
    x, labels = normalised(model, batch()), samples(LABELS)
    hook = AdversarialTrainingHook('fgsm')
    expected = hook.attack(model, x, labels)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        found = hook.attack(model, x, labels)
    assert torch.equal(found, expected)


def test_arguments_out_of_range_are_refused():
    for field, value, message in [
        ('attack', 'cw', "attack='cw' .*'fgsm', 'pgd'"),
        ('eps', 0, 'eps=0 must be a finite number > 0'),
        ('eps', float('nan'), 'eps=nan must be a finite number > 0'),
        ('eps', '8', "eps='8' must be a finite number > 0"),
        ('steps', 2.5, 'steps=2.5 must be an integer > 0'),
        ('step_size', -1.0, 'step_size=-1.0 must be a finite number > 0'),
        ('share', 1.5, r'share=1.5 must be a finite number in \(0, 1\]'),
    ]:
        with named(field), pytest.raises(ValueError, match=message):
            AdversarialTrainingHook(**{'attack': 'pgd', field: value})


def test_steps_of_fgsm_are_refused_and_those_of_pgd_have_defaults():
    for given in (dict(steps=10), dict(step_size=1.0)):
        with named(given), pytest.raises(ValueError, match="'fgsm' is one step"):
            AdversarialTrainingHook(attack='fgsm', **given)
    hook = AdversarialTrainingHook(attack='pgd', eps=8)
    assert (hook.steps, hook.step_size) == (10, 2.0)
    hook = AdversarialTrainingHook(attack='pgd', eps=8, steps=4)
    assert (hook.steps, hook.step_size) == (4, 5.0)


def test_padding_is_refused():
    model = classifier(pad_size_divisor=8)
    with pytest.raises(ValueError, match='pad_size_divisor=8'):
        AdversarialTrainingHook().before_train(runner_of(model))


def test_images_that_only_the_pipeline_normalises_are_refused():
    model = classifier(mean=None, std=None)
    with pytest.raises(ValueError, match='data_preprocessor has no mean and std'):
        AdversarialTrainingHook().before_train(runner_of(model))


@pytest.mark.parametrize(
    ('changes', 'modules', 'message'),
    [
        (
            dict(),
            ['backbone.layer3'],
            r"activation_checkpointing=\['backbone.layer3'\]",
        ),
        (dict(with_cp=True), None, 'backbone.with_cp=True'),
    ],
)
def test_reentrant_checkpointing_is_refused_by_the_name_of_its_field(
    changes, modules, message
):
    model = build(adf_cfg(backbone=backbone_cfg(**changes)))
    with pytest.raises(ValueError, match=message):
        AdversarialTrainingHook().before_train(
            runner_of(model, activation_checkpointing=modules)
        )
