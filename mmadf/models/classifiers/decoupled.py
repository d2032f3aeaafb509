"""Any classifier with decoupled convolutions."""

from typing import Optional, Sequence

from torch import nn

from mmadf.models.surgery.decouple import ORDINARY, decouple
from mmadf.registry import MODELS
from mmadf.utils.arguments import check_dicts


@MODELS.register_module(name='DecoupledClassifier')
def build_decoupled_classifier(
    classifier: dict,
    operator: Optional[dict] = None,
    include: Sequence[str] = ('*',),
    exclude: Sequence[str] = ORDINARY,
    data_preprocessor: Optional[dict] = None,
) -> nn.Module:
    """Build a classifier and `decouple` it; for a whole network of timm.

    With `classifier=dict(type='TimmClassifier', model_name=...)` the names of its
    weights are those of the network of timm, after `decouple`.

    Args:
        classifier: config of any classifier.
        operator: arguments of `DecoupledConv2d` from `magnitude` on.
        include: see `decouple`.
        exclude: see `decouple`.
        data_preprocessor: as in `ImageClassifier`, unless `classifier` has one.

    Raises:
        TypeError: `operator` is no dict.
        ValueError: see `decouple`.
    """
    check_dicts('DecoupledClassifier', operator=operator)
    network = MODELS.build({'data_preprocessor': data_preprocessor, **classifier})
    decouple(network, include, exclude, **(operator or {}))
    return network
