"""Classifiers: whole networks with their losses."""

from .adf import ADFClassifier
from .objective import mutual_learning_loss

__all__ = ['ADFClassifier', 'mutual_learning_loss']
