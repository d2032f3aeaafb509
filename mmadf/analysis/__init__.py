"""Costs, training logs, reports and explanations of networks."""

from .cost import Cost, cost_by_part, cost_by_phase, cost_table, total_cost
from .logs import (
    read_log,
    training_curve,
    training_seconds,
    validation_curve,
    validation_metrics,
    validation_unit,
    validations,
)

__all__ = [
    'Cost',
    'cost_by_part',
    'cost_by_phase',
    'cost_table',
    'read_log',
    'total_cost',
    'training_curve',
    'training_seconds',
    'validation_curve',
    'validation_metrics',
    'validation_unit',
    'validations',
]
