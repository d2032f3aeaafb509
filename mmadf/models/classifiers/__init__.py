"""Classifiers: whole networks with their losses."""

from .adf import ADFClassifier

__all__ = ['ADFClassifier']
