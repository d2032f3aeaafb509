"""Attacks respect eps and the range of pixels, and find known adversarial images."""

import sys

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from mmadf.engine.hooks import AdversarialTrainingHook
from mmadf.experiments.robustness.attacks import (
    ATTACKS,
    AttackOptions,
    art_classifier,
    attack,
)
from mmadf.experiments.robustness.network import PixelNetwork, count_classes
from tests.engine.test_adversarial_training import (
    LABELS,
    batch,
    build,
    classifier,
    samples,
)
from tests.experiments.robustness.toys import Linear, halves, images

QUICK = AttackOptions(steps=4, autoattack_steps=3, queries=10, batch_size=3)


def attacked(network, name, eps, pixels, labels):
    pytest.importorskip('art')
    target = art_classifier(network, pixels.shape[1:])
    return attack(target, name, eps, pixels, labels, QUICK)


def network():
    return PixelNetwork(classifier(), reads_bgr=True)


def test_fgsm_of_two_linear_classes_is_the_sign_of_their_difference():
    patterns = torch.randn(2, 3, 12, 12)
    pixels = torch.full((2, 3, 12, 12), 0.5)
    found = attacked(Linear(patterns), 'fgsm', 0.1, pixels, torch.tensor([0, 1]))
    towards = (patterns[1] - patterns[0]).sign()
    assert_close(found, torch.stack([0.5 + 0.1 * towards, 0.5 - 0.1 * towards]))


@pytest.mark.parametrize(
    ('name', 'eps'),
    [('fgsm', 2 / 255), ('bim', 1.0), ('pgd', 2 / 255), ('autoattack', 1.0)],
)
def test_pixels_change_by_eps_at_most_and_the_network_stays_in_eval(name, eps):
    pixels, net = batch()['inputs'].float() / 255, network()
    found = attacked(net, name, eps, pixels, torch.tensor(LABELS))
    assert not any(module.training for module in net.modules())
    assert found.shape == pixels.shape
    assert (found - pixels).abs().max() <= eps + 1e-6
    assert found.min() >= 0 and found.max() <= 1
    if name != 'autoattack':  # it leaves misclassified images alone
        assert (found - pixels).abs().max() >= 0.5 * eps


def test_more_steps_find_a_higher_loss():
    model, labels = network(), torch.tensor(LABELS)
    pixels = batch()['inputs'].float() / 255
    losses = [nn.functional.cross_entropy(model(pixels), labels)]
    for name in ('fgsm', 'bim', 'pgd'):
        found = attacked(model, name, 4 / 255, pixels, labels)
        losses.append(nn.functional.cross_entropy(model(found), labels))
    clean, fgsm, bim, pgd = losses
    assert clean < fgsm < bim
    assert fgsm < pgd


def test_bim_starts_from_the_image_and_pgd_from_a_random_point():
    model, labels = network(), torch.tensor(LABELS)
    pixels = batch()['inputs'].float() / 255
    for name, repeats in (('bim', True), ('pgd', False)):
        one, other = (attacked(model, name, 0.1, pixels, labels) for _ in range(2))
        assert torch.equal(one, other) == repeats, name


@pytest.mark.parametrize(
    ('name', 'classes'),
    [('fgsm', 2), ('bim', 3), ('pgd', 3), ('autoattack', 2), ('autoattack', 3)],
)
def test_linear_network_fails_exactly_beyond_its_margin(name, classes):
    """The class's own stripe is 15/255 above the others, so that eps 8/255 suffices."""
    bytes_, labels = images(classes=classes)
    for eps, right in ((4, 1.0), (12, 0.0)):
        pixels = bytes_.float() / 255
        net = Linear(halves(classes))
        found = attacked(net, name, eps / 255, pixels, labels)
        assert net(found).argmax(1).eq(labels).float().mean() == right


def test_fgsm_equals_that_of_adversarial_training():
    """Two implementations, one in normalised values and one in pixels."""
    model = network()
    data = batch()
    pixels = data['inputs'].float() / 255
    expected = attacked(model, 'fgsm', 8 / 255, pixels, torch.tensor(LABELS))
    x = model.classifier.data_preprocessor(data)['inputs']
    hook = AdversarialTrainingHook('fgsm', eps=8)
    found = hook.attack(model.classifier, x, samples(LABELS))
    expected = model.classifier.data_preprocessor(dict(inputs=255 * expected))['inputs']
    assert ((found - expected).abs() > 1e-3).float().mean() < 1e-3


def test_normalisation_is_part_of_the_network():
    model, data = network(), batch()
    x = model.classifier.data_preprocessor(data)['inputs']
    assert_close(model(data['inputs'].float() / 255), model.classifier(x))


def test_a_network_whose_head_does_not_know_its_classes_is_attacked():
    backbone = dict(type='LeNet5', num_classes=7)
    cfg = dict(type='ImageClassifier', backbone=backbone, head=dict(type='ClsHead'))
    model = PixelNetwork(build(cfg, mean=[0], std=[255], to_rgb=False), False)
    pixels = torch.rand(2, 1, 32, 32)
    found = attacked(model, 'fgsm', 0.1, pixels, torch.tensor([0, 6]))
    assert count_classes(model, (1, 32, 32)) == 7
    assert_close((found - pixels).abs().amax(), torch.tensor(0.1))


def test_unknown_attack_is_refused():
    with pytest.raises(ValueError, match="attack='cw' must be one of"):
        attack(None, 'cw', 0.1, None, None, QUICK)


def test_missing_toolbox_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, 'art.estimators.classification', None)
    with pytest.raises(ImportError, match='pip install adversarial-robustness-toolbox'):
        art_classifier(Linear(halves()), (3, 12, 12))


def test_pgd_reaches_the_worst_image_of_a_linear_network_from_any_start():
    """It is a corner of the cube within eps, up to 2 * eps from the start."""
    patterns = torch.randn(2, 3, 12, 12)
    pixels = torch.full((2, 3, 12, 12), 0.5)
    found = attacked(Linear(patterns), 'pgd', 0.1, pixels, torch.tensor([0, 1]))
    towards = (patterns[1] - patterns[0]).sign()
    assert_close(found, torch.stack([0.5 + 0.1 * towards, 0.5 - 0.1 * towards]))


@pytest.mark.parametrize(
    ('classes', 'losses'),
    [(2, ['cross_entropy']), (3, ['cross_entropy', 'difference_logits_ratio'])],
)
def test_autoattack_has_the_attacks_and_the_effort_of_its_options(classes, losses):
    pytest.importorskip('art')
    classifier = art_classifier(Linear(halves(classes)), (3, 12, 12))
    options = AttackOptions(steps=4, autoattack_steps=7, queries=11, batch_size=3)
    *gradient_based, square = ATTACKS['autoattack'](classifier, 0.1, options).attacks
    assert [attack.loss_type for attack in gradient_based] == losses
    found = {(attack.max_iter, attack.eps_step) for attack in gradient_based}
    assert found == {(7, 0.2)}
    assert (square.max_iter, square.eps) == (11, 0.1)
