"""Classifiers: whole networks with their losses."""

from .adf import ADFClassifier
from .decoupled import build_decoupled_classifier
from .objective import distillation_loss

__all__ = ['ADFClassifier', 'build_decoupled_classifier', 'distillation_loss']
