"""A small classifier, a batch and a training step."""

import torch
from mmpretrain.registry import MODELS

from tests.helpers import adf_cfg, samples

LABELS = torch.tensor([0, 3, 1, 4])


def build(**changes):
    return MODELS.build(adf_cfg(**changes))


def images(size=16):
    return torch.randn(len(LABELS), 3, size, size)


def step(adf, x, lr=0.1):
    total, _ = adf.parse_losses(adf.loss(x, samples(LABELS)))
    total.backward()
    torch.optim.SGD(adf.parameters(), lr=lr).step()
