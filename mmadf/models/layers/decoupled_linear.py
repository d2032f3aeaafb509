"""Decoupled fully connected layer."""

from typing import Any, Optional

from mmengine.registry import MODELS as MMENGINE_MODELS
from torch import Tensor, nn

from mmadf.registry import MODELS

from .decoupled import DecoupledOperator, decoupled_conv2d, patch_norm
from .decoupled.module import check_weights, is_frozen
from .fusers import check_parameter


@MMENGINE_MODELS.register_module()
@MODELS.register_module()
class DecoupledLinear(nn.Linear):
    """Fully connected layer as h(|w|, |x|) * g(angle(w, x)), x the whole input.

    Paper: Decoupled Networks, CVPR 2018, arXiv 1804.08071, for convolutions.
    Ours: the same for a fully connected layer, computed as the decoupled convolution of
    a 1 x 1 feature map. wy1iu/DCNets has none.

    Args:
        in_features: number of input features.
        out_features: number of kernels K.
        bias: add a learned bias per kernel.
        operator: arguments of `DecoupledOperator`, from `magnitude` on.

    Raises:
        ValueError: an unknown name or a number outside its range.
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = False, **operator: Any
    ) -> None:
        super().__init__(in_features, out_features, bias)
        self.operator = DecoupledOperator(out_features, **operator)
        self.register_load_state_dict_pre_hook(check_weights)

    def reset_parameters(self) -> None:
        """Initialise weight and bias as `nn.Linear` does, and the operator."""
        super().reset_parameters()
        if hasattr(self, 'operator'):  # `nn.Linear` calls this before it is built
            self.operator.reset_parameters()

    def register_parameter(self, name: str, param: Optional[nn.Parameter]) -> None:
        """Register a parameter, unless a tool has computed it to fold a batch norm."""
        check_parameter(self, name, param)
        super().register_parameter(name, param)

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., in_features) to (..., K).

        Raises:
            ValueError: the last dimension of the input has another size.
        """
        if x.shape[-1] != self.in_features:
            raise ValueError(
                f'DecoupledLinear: input of shape {tuple(x.shape)} must be '
                f'(..., {self.in_features}); correct in_features, or flatten the input.'
            )
        maps = x.reshape(-1, self.in_features, 1, 1)
        kernels, r = self.weight[:, :, None, None], patch_norm(maps, (1, 1))
        options = dict(patch_norms=r, **self.operator(r, is_frozen(self.weight)))
        y = decoupled_conv2d(maps, kernels, self.bias, **options)
        return y.view(*x.shape[:-1], self.out_features)
