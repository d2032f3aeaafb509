"""Any backbone with decoupled convolutions."""

from typing import Optional, Sequence, Union

from torch import nn

from mmadf.models.surgery.decouple import ORDINARY, decouple
from mmadf.registry import MODELS


@MODELS.register_module(name='DecoupledBackbone')
def build_decoupled_backbone(
    backbone: dict,
    operator: Optional[dict] = None,
    include: Sequence[str] = ('*',),
    exclude: Sequence[str] = ORDINARY,
    out_indices: Union[int, Sequence[int], None] = None,
) -> nn.Module:
    """Build a backbone and `decouple` it; for configs of backbones without `conv_cfg`.

    Args:
        backbone: config of any backbone.
        operator: arguments of `DecoupledConv2d` from `magnitude` on.
        include: see `decouple`.
        exclude: see `decouple`.
        out_indices: stages whose maps are returned, in place of those in
            `backbone`; None leaves them.
    """
    if out_indices is not None:
        backbone = {**backbone, 'out_indices': out_indices}
    model = MODELS.build(backbone)
    decouple(model, include, exclude, **(operator or {}))
    return model
