"""Decoupled fully connected layer."""

from typing import Union

import torch.nn.functional as F
from mmengine.registry import MODELS as MMENGINE_MODELS
from torch import Tensor, nn

from mmadf.models.layers.decoupled.norms import input_scale, norm, without_autocast
from mmadf.registry import MODELS

from .decoupled import DecoupledOperator


@MMENGINE_MODELS.register_module()
@MODELS.register_module()
class DecoupledLinear(DecoupledOperator, nn.Linear):
    """Fully connected layer as h(|w|, |x|) * g(angle(w, x)), x the whole input.

    Paper: Decoupled Networks, CVPR 2018, arXiv 1804.08071, for the fully connected
    layers of its plain networks.
    Code: wy1iu/DCNets has none.
    Ours: the convolution of a 1 x 1 map; see `DecoupledConv2d` for the operator.

    Args:
        in_features: features that come in.
        out_features: number of kernels K.
        bias: add a learned bias per kernel.
        magnitude: h, a name in `MAGNITUDES`.
        angle: g, a name in `ANGLES`.
        alpha: scale of the magnitude.
        beta: slope beyond the radius ('segmented'), scale of the logarithm ('mix').
        k: curvature of the 'sigmoid' angle, > 0.
        radius: 'kernel' or 'layer' for a learned operator radius each, or a number
            > 0, fixed.
        radius_unit: 'mean_norm' (relative to the mean input norm) or 'absolute'.
        decay: of the moving average of the mean input norm, in [0, 1).
        sync_mean_norm: take the mean input norm over all processes.

    Raises:
        ValueError: unknown name or a number outside its range.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = False,
        magnitude: str = 'tanh',
        angle: str = 'cosine',
        alpha: float = 1.0,
        beta: float = 0.5,
        k: float = 0.5,
        radius: Union[str, float] = 'kernel',
        radius_unit: str = 'mean_norm',
        decay: float = 0.999,
        sync_mean_norm: bool = False,
    ) -> None:
        nn.Linear.__init__(self, in_features, out_features, bias)
        self.set_operator(
            out_features,
            magnitude=magnitude,
            angle=angle,
            alpha=alpha,
            beta=beta,
            k=k,
            radius=radius,
            radius_unit=radius_unit,
            decay=decay,
            sync_mean_norm=sync_mean_norm,
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., in_features) to (..., K)."""
        kernels, q = self.unit_kernels(self.weight)
        scale = input_scale(x)
        dot = F.linear(x if scale == 1 else x * scale, kernels)
        with without_autocast(x):
            r = norm(x, (-1,))
            cos = dot.to(r.dtype) / (r * scale)
            y = self.respond(cos, r, q.squeeze(1), self.rho(r), self.k_of())
        y = y.to(dot.dtype)
        return y if self.bias is None else y + self.bias.to(y.dtype)

    def per_kernel(self, values: Tensor) -> Tensor:
        """Return (K,) as it is: kernels are the last dimension."""
        return values
