"""What a trained network can do and what it costs."""

from .cost import Cost, cost_by_part, cost_by_phase, cost_table, total_cost
from .logs import (
    counts_epochs,
    read_log,
    training_curve,
    training_seconds,
    validation_curve,
)
from .readouts import collect_scores

__all__ = [
    'Cost',
    'collect_scores',
    'cost_by_part',
    'cost_by_phase',
    'cost_table',
    'counts_epochs',
    'read_log',
    'total_cost',
    'training_curve',
    'training_seconds',
    'validation_curve',
]
