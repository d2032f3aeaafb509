"""Hooks of MMEngine's Runner."""

from .adversarial_training import AdversarialTrainingHook
from .appearance_weight import AppearanceWeightHook
from .both_margins import SetBothMarginsHook
from .channels_last import ChannelsLastHook
from .check_data import CheckDataHook
from .decoupled_training import (
    FrozenMeanNormHook,
    OrthogonalityHook,
    WeightedGradientsHook,
    WeightProjectionHook,
)
from .safe_checkpoint import SafeCheckpointHook

__all__ = [
    'AppearanceWeightHook',
    'ChannelsLastHook',
    'AdversarialTrainingHook',
    'CheckDataHook',
    'FrozenMeanNormHook',
    'OrthogonalityHook',
    'SafeCheckpointHook',
    'SetBothMarginsHook',
    'WeightProjectionHook',
    'WeightedGradientsHook',
]
