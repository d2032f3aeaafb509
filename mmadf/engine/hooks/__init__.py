"""Hooks of MMEngine's Runner."""

from .adversarial_training import AdversarialTrainingHook
from .appearance_weight import AppearanceWeightHook
from .channels_last import ChannelsLastHook
from .check_data import CheckDataHook
from .check_loss import CheckLossHook
from .decoupled_training import (
    OrthogonalityHook,
    WeightedGradientsHook,
    WeightProjectionHook,
)
from .safe_checkpoint import SafeCheckpointHook
from .worker_seed import WorkerSeedHook

__all__ = [
    'AppearanceWeightHook',
    'ChannelsLastHook',
    'AdversarialTrainingHook',
    'CheckDataHook',
    'CheckLossHook',
    'OrthogonalityHook',
    'SafeCheckpointHook',
    'WeightProjectionHook',
    'WeightedGradientsHook',
    'WorkerSeedHook',
]
