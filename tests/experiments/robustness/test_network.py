"""Networks and images of a robustness test, loaded from a config."""

import pytest
import torch
from mmengine.config import Config
from mmpretrain.models import MultiLabelLinearClsHead
from torch import nn

from mmadf.experiments.robustness.network import (
    PixelNetwork,
    fingerprint,
    hash_images,
    load_images,
)
from mmadf.weights.load import load_network
from tests.conftest import write_images


def test_images_are_spread_over_a_sorted_dataset(trained):
    cfg = Config.fromfile(trained[0])
    whole, labels = load_images(cfg)
    assert labels.tolist() == [0] * 5 + [1] * 5
    for limit, picked in ((4, [0, 2, 5, 7]), (99, list(range(10)))):
        images, found = load_images(cfg, limit)
        assert torch.equal(images, whole[picked])
        assert torch.equal(found, labels[picked])


def test_images_of_several_sizes_are_refused(trained):
    cfg = Config.fromfile(trained[0])
    folder = trained[0].parent / 'images' / 'dark'
    large = write_images(trained[0].parent / 'large', per_class=1, size=40)
    (large / 'dark' / '000.png').rename(folder / 'large.png')
    with pytest.raises(ValueError, match='test_dataloader yields .*32.*40'):
        load_images(cfg)


def test_grey_images_are_refused(trained):
    cfg = Config.fromfile(trained[0])
    cfg.test_dataloader.dataset.pipeline[0].color_type = 'grayscale'
    with pytest.raises(ValueError, match='1, 32, 32.*of 3 channels'):
        load_images(cfg)


def test_images_of_other_classes_than_those_of_the_checkpoint_are_refused(trained):
    cfg = Config.fromfile(trained[0])
    assert len(load_images(cfg, names=['dark', 'light'])[1]) == 10
    with pytest.raises(ValueError, match="class 1 of the test set is 'light', but 'z"):
        load_images(cfg, names=['dark', 'zlight'])


def test_config_without_test_images_is_refused(trained):
    cfg = Config.fromfile(trained[0])
    cfg.test_dataloader = None
    with pytest.raises(ValueError, match='no test_dataloader'):
        load_images(cfg)


def test_classifier_of_several_labels_per_image_is_refused(trained):
    network = nn.Module()
    network.head = MultiLabelLinearClsHead(num_classes=2, in_channels=8)
    with pytest.raises(ValueError, match='MultiLabelLinearClsHead predicts more than'):
        load_images(Config.fromfile(trained[0]), classifier=network)


def test_network_is_frozen_in_evaluation_mode(trained):
    network, _ = load_network(Config.fromfile(trained[0]), trained[1])
    network = PixelNetwork(network, reads_bgr=True)
    assert not any(module.training for module in network.modules())
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_fingerprint_depends_on_weights_and_config(trained, tmp_path):
    cfg = Config.fromfile(trained[0])
    network = fingerprint(cfg, trained[1])
    assert network == fingerprint(Config.fromfile(trained[0]), trained[1])
    assert network.startswith('net.pth ')
    other = tmp_path / 'other' / 'net.pth'
    other.parent.mkdir()
    other.write_bytes(trained[1].read_bytes() + b'x')
    cfg.model.head.topk = (1,)
    assert len({network, fingerprint(cfg, trained[1]), fingerprint(cfg, other)}) == 3


def test_hash_of_images_depends_on_every_pixel_and_label(trained):
    images, labels = load_images(Config.fromfile(trained[0]))
    pixel, label = images.clone(), labels.clone()
    pixel[-1, -1, -1, -1] ^= 1
    label[-1] = 0
    hashes = [hash_images(*load_images(Config.fromfile(trained[0])))]
    hashes += [hash_images(images, labels), hash_images(pixel, labels)]
    hashes += [hash_images(images, label)]
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 3
