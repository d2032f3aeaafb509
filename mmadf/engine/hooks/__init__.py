"""Hooks of MMEngine's Runner."""

from .adversarial_training import AdversarialTrainingHook
from .appearance_weight import AppearanceWeightHook
from .channels_last import ChannelsLastHook
from .check_data import CheckDataHook
from .decoupled_training import (
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
    'OrthogonalityHook',
    'SafeCheckpointHook',
    'WeightProjectionHook',
    'WeightedGradientsHook',
]
