"""Classifiers: whole networks with their losses."""

from .adf import ADFClassifier
from .objective import distillation_loss

__all__ = ['ADFClassifier', 'distillation_loss']
