"""Fusion of appearance features into semantic features."""

from .gate import build_gate
from .mapper import Mapper

__all__ = ['Mapper', 'build_gate']
