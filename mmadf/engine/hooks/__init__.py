"""Hooks of MMEngine's Runner."""

from .adversarial_training import AdversarialTrainingHook
from .channels_last import ChannelsLastHook
from .check_data import CheckDataHook
from .check_loss import CheckLossHook
from .decoupled_training import (
    OrthogonalityHook,
    WeightedGradientsHook,
    WeightProjectionHook,
)
from .loss_weight import LossWeightHook
from .safe_checkpoint import SafeCheckpointHook
from .worker_seed import WorkerSeedHook

__all__ = [
    'AdversarialTrainingHook',
    'ChannelsLastHook',
    'CheckDataHook',
    'CheckLossHook',
    'LossWeightHook',
    'OrthogonalityHook',
    'SafeCheckpointHook',
    'WeightProjectionHook',
    'WeightedGradientsHook',
    'WorkerSeedHook',
]
