"""What a trained network can do and what it costs."""

from .readouts import collect_scores, count_cost

__all__ = ['collect_scores', 'count_cost']
