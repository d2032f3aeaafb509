"""Hooks of MMEngine's Runner."""

from .adversarial_training import AdversarialTrainingHook
from .both_margins import SetBothMarginsHook
from .channels_last import ChannelsLastHook
from .check_data import CheckDataHook
from .check_loss import CheckLossHook
from .decoupled_training import (
    FrozenMeanNormHook,
    OrthogonalityHook,
    WeightedGradientsHook,
    WeightProjectionHook,
)
from .loss_weight import LossWeightHook
from .preemption import PreemptionHook
from .safe_checkpoint import SafeCheckpointHook
from .worker_seed import WorkerSeedHook

__all__ = [
    'AdversarialTrainingHook',
    'ChannelsLastHook',
    'CheckDataHook',
    'CheckLossHook',
    'FrozenMeanNormHook',
    'LossWeightHook',
    'OrthogonalityHook',
    'PreemptionHook',
    'SafeCheckpointHook',
    'SetBothMarginsHook',
    'WeightProjectionHook',
    'WeightedGradientsHook',
    'WorkerSeedHook',
]
