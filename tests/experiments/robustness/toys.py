"""Networks of pixels whose answer to an attack is known."""

import torch
from torch import nn

SIZE = 12
MARGIN = 0.06


class Linear(nn.Module):
    """Logits are 60 times the mean of pixels, weighted by patterns of +1 and -1."""

    reads_bgr = False

    def __init__(self, patterns):
        super().__init__()
        self.patterns = nn.Parameter(patterns)

    def forward(self, pixels):
        return 60 * torch.einsum('kchw,nchw->nk', self.patterns, pixels) / (3 * SIZE**2)


class Masked(Linear):
    """The same decisions, through steps that have no gradient."""

    def forward(self, pixels):
        return super().forward((pixels * 255).round() / 255)


def halves(classes=3):
    """Return patterns, (K, 3, S, S), that are +1 in a stripe of their own, else -1."""
    patterns = -torch.ones(classes, 3, SIZE, SIZE)
    width = SIZE // classes
    for k in range(classes):
        patterns[k, :, :, k * width : (k + 1) * width] = 1
    return patterns


def images(per_class=4, classes=3):
    """Return bytes and labels: grey, lighter by MARGIN in the stripe of the class."""
    labels = torch.arange(classes).repeat(per_class)
    pixels = 0.5 + MARGIN * (halves(classes)[labels] > 0)
    return (255 * pixels).round().to(torch.uint8), labels
