"""What a trained network can do and what it costs."""

from .logs import (
    counts_epochs,
    read_log,
    training_curve,
    training_seconds,
    validation_curve,
)
from .readouts import collect_scores, count_cost

__all__ = [
    'collect_scores',
    'count_cost',
    'counts_epochs',
    'read_log',
    'training_curve',
    'training_seconds',
    'validation_curve',
]
