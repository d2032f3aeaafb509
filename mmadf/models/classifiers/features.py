"""Features behind the chosen readout of an ADF classifier."""

from typing import Union

import torch
from torch import Tensor, nn

from .branch import Features
from .requirements import check_both_heads, check_features


def readout_features(
    classifier: nn.Module, inputs: Tensor, stage: str
) -> Union[Tensor, Features]:
    """Return the features that the logits of the chosen readout are computed from.

    See `ADFClassifier.extract_feat` for the arguments and errors.
    """
    check_features(classifier, stage)
    semantic, appearance = classifier.semantic, classifier.appearance
    if classifier.readout == 'semantic':
        return semantic.features(classifier.fused_maps(inputs), stage)
    check_both_heads(classifier)
    maps = appearance.maps(
        inputs, appearance.last_stage(classifier.mappers.last_source)
    )
    features = appearance.features(maps, stage)
    if classifier.readout == 'appearance':
        return features
    fused = semantic.features(classifier.fused_maps(inputs, maps), stage)
    if stage == 'pre_logits':
        return _join((fused,), (features,))[0]
    return _join(fused, features)


def _join(semantic: Features, appearance: Features) -> Features:
    """Concatenate the features of both branches, along their channels.

    Raises:
        ValueError: they differ in number or size.
    """
    sizes = [[x.shape[2:] for x in features] for features in (semantic, appearance)]
    if sizes[0] != sizes[1]:
        shown = ' and '.join(
            str([tuple(x.shape) for x in y]) for y in (semantic, appearance)
        )
        raise ValueError(
            f"extract_feat: readout='sum' concatenates the features of both branches, "
            f'whose shapes are {shown}; set readout to the branch that you need, or '
            "stage='pre_logits'."
        )
    pairs = zip(semantic, appearance, strict=True)
    return tuple(torch.cat(pair, dim=1) for pair in pairs)
