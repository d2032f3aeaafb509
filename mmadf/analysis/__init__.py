"""Costs, training logs, reports and explanations of networks."""

from .cost import Cost, cost_by_part, cost_by_phase, cost_table, total_cost
from .logs import (
    counts_epochs,
    read_log,
    training_curve,
    training_seconds,
    validation_curve,
)

__all__ = [
    'Cost',
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
