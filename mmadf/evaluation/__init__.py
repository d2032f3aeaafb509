"""What a trained network can do and what it costs."""

from .cost import (
    compare_costs,
    cost_table,
    count_cost,
    count_costs,
    count_parts,
)
from .logs import (
    counts_epochs,
    read_log,
    training_curve,
    training_seconds,
    validation_curve,
)
from .readouts import collect_scores

__all__ = [
    'collect_scores',
    'compare_costs',
    'cost_table',
    'count_cost',
    'count_costs',
    'count_parts',
    'counts_epochs',
    'read_log',
    'training_curve',
    'training_seconds',
    'validation_curve',
]
