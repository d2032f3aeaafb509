"""Gates and fusions: how much appearance is added where.

A gate computes values in (0, 1) from both feature maps, and a fusion mixes the feature
maps by these values. Paper (ADF): only the words "gated fusion". Ours: the whole file.
"""

from typing import Callable, Dict

import torch
from mmengine.model import BaseModule, constant_init
from torch import Tensor, nn


def residual_fusion(s: Tensor, a: Tensor, g: Tensor) -> Tensor:
    """Return s + g * a: appearance is added to unchanged semantics.

    Ours: a gated residual. GFF (arXiv 1904.01803) computes s + g * s + (1 - g) * b
    instead, where b is the sum of other feature maps.

    Args:
        s: semantic feature map, (N, C, H, W).
        a: appearance feature map, (N, C, H, W).
        g: gate, broadcastable to (N, C, H, W), in (0, 1).

    Returns:
        (N, C, H, W).
    """
    return s + g * a


def convex_fusion(s: Tensor, a: Tensor, g: Tensor) -> Tensor:
    """Return g * s + (1 - g) * a: a convex combination.

    Ours: the form of SKNet (arXiv 1903.06586) and AFF (arXiv 2009.14082).

    Args:
        s: semantic feature map, (N, C, H, W).
        a: appearance feature map, (N, C, H, W).
        g: gate, broadcastable to (N, C, H, W), in (0, 1).

    Returns:
        (N, C, H, W).
    """
    return g * s + (1 - g) * a


class Gate(BaseModule):
    """Base class of the gates: the sigmoid of logits with one common initial value.

    Args:
        channels: channels C of both feature maps, > 0.
        bias: initial value of every logit; the gate is initially sigmoid(bias).
    """

    def __init__(self, channels: int, bias: float) -> None:
        super().__init__()
        self.channels = channels
        self.bias = bias

    def init_logits(self) -> None:
        """Set the last parameters of the gate so that its logits are `bias`."""
        raise NotImplementedError

    def init_weights(self) -> None:
        """Initialise, keeping the initial logits whatever `init_cfg` says."""
        super().init_weights()
        self.init_logits()

    def logits(self, s: Tensor, a: Tensor) -> Tensor:
        """Return the logits for feature maps (N, C, H, W), broadcastable to them."""
        raise NotImplementedError

    def forward(self, s: Tensor, a: Tensor) -> Tensor:
        """Return the gate for features `s` (semantic) and `a` (appearance).

        It has the precision of `s`, also under autocast, which leaves the logit of
        `LayerGate` in float32.
        """
        return torch.sigmoid(self.logits(s, a)).to(s.dtype)


class ElementGate(Gate):
    """One value per channel and position, from depthwise 3 x 3 convolutions.

    Ours: BiSeNetV2 (arXiv 2004.02147) gates by a full convolution; depthwise
    keeps the cost at 18 C weights. Args: see `Gate`.
    """

    def __init__(self, channels: int, bias: float) -> None:
        super().__init__(channels, bias)
        conv = dict(kernel_size=3, padding=1, groups=channels)
        self.of_semantic = nn.Conv2d(channels, channels, **conv)
        self.of_appearance = nn.Conv2d(channels, channels, bias=False, **conv)
        self.init_logits()

    def init_logits(self) -> None:
        """Set both convolutions to the constant `bias`."""
        constant_init(self.of_semantic, 0, self.bias)
        constant_init(self.of_appearance, 0)

    def logits(self, s: Tensor, a: Tensor) -> Tensor:
        """Return (N, C, H, W)."""
        return self.of_semantic(s) + self.of_appearance(a)


class ChannelGate(Gate):
    """One value per channel and image, from the means of both feature maps.

    Ours: the bottleneck of squeeze-and-excitation (arXiv 1709.01507) with
    C / 16 hidden channels. Args: see `Gate`.
    """

    def __init__(self, channels: int, bias: float) -> None:
        super().__init__(channels, bias)
        hidden = max(channels // 16, 1)
        self.squeeze = nn.Conv2d(2 * channels, hidden, 1)
        self.excite = nn.Conv2d(hidden, channels, 1)
        self.init_logits()

    def init_logits(self) -> None:
        """Set the excitation to the constant `bias`."""
        constant_init(self.excite, 0, self.bias)

    def logits(self, s: Tensor, a: Tensor) -> Tensor:
        """Return (N, C, 1, 1)."""
        pooled = torch.cat([s, a], dim=1).mean(dim=(2, 3), keepdim=True)
        return self.excite(self.squeeze(pooled).relu())


class SpatialGate(Gate):
    """One value per position, from a 3 x 3 convolution over both feature maps.

    Ours: the spatial half of CBAM (arXiv 1807.06521), on the features themselves.
    Args: see `Gate`.
    """

    def __init__(self, channels: int, bias: float) -> None:
        super().__init__(channels, bias)
        self.conv = nn.Conv2d(2 * channels, 1, 3, padding=1)
        self.init_logits()

    def init_logits(self) -> None:
        """Set the convolution to the constant `bias`."""
        constant_init(self.conv, 0, self.bias)

    def logits(self, s: Tensor, a: Tensor) -> Tensor:
        """Return (N, 1, H, W)."""
        return self.conv(torch.cat([s, a], dim=1))


class LayerGate(Gate):
    """One learned number for the whole layer, whatever the input.

    Ours: the control that shows whether a gate should depend on its input.
    Args: see `Gate`.
    """

    def __init__(self, channels: int, bias: float) -> None:
        super().__init__(channels, bias)
        self.logit = nn.Parameter(torch.empty(1, 1, 1, 1))
        self.init_logits()

    def init_logits(self) -> None:
        """Set the logit to `bias`."""
        nn.init.constant_(self.logit, self.bias)

    def logits(self, s: Tensor, a: Tensor) -> Tensor:
        """Return (1, 1, 1, 1)."""
        return self.logit


FUSIONS: Dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = dict(
    residual=residual_fusion, convex=convex_fusion
)
GATES = dict(
    element=ElementGate, channel=ChannelGate, spatial=SpatialGate, layer=LayerGate
)


def build_gate(gate: str, channels: int, bias: float) -> Gate:
    """Build a gate by name.

    Args:
        gate: 'element', 'channel', 'spatial' or 'layer'.
        channels: channels of both feature maps, > 0.
        bias: initial value of every logit.

    Raises:
        ValueError: unknown gate.
    """
    if gate not in GATES:
        raise ValueError(f'gate={gate!r} is none of {sorted(GATES)}')
    return GATES[gate](channels, bias)
