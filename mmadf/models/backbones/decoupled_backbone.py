"""Any backbone with decoupled convolutions."""

from typing import Optional, Sequence, Union

from torch import nn

from mmadf.models.surgery.decouple import ORDINARY, decouple
from mmadf.registry import MODELS
from mmadf.utils.arguments import check_dicts


@MODELS.register_module(name='DecoupledBackbone')
def build_decoupled_backbone(
    backbone: dict,
    operator: Optional[dict] = None,
    include: Sequence[str] = ('*',),
    exclude: Sequence[str] = ORDINARY,
    out_indices: Union[int, Sequence[int], None] = None,
) -> nn.Module:
    """Build a backbone and `decouple` it; for backbones without `conv_cfg`.

    Args:
        backbone: config of any backbone.
        operator: arguments of `DecoupledConv2d` from `magnitude` on.
        include: see `decouple`.
        exclude: see `decouple`.
        out_indices: stages whose feature maps are returned, instead of those that
            `backbone` names; None leaves these.

    Raises:
        TypeError: `operator` is no dict.
        ValueError: see `decouple`.
    """
    check_dicts('DecoupledBackbone', operator=operator)
    if out_indices is not None:
        backbone = {**backbone, 'out_indices': out_indices}
    network = MODELS.build(backbone)
    decouple(network, include, exclude, **(operator or {}))
    return network
