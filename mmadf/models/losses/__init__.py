"""Losses that the heads of MMPretrain do not have."""

from .mutual_learning import mutual_learning_loss

__all__ = ['mutual_learning_loss']
