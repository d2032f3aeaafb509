"""Necks: what stands between backbones and heads."""

from .mapper import Mapper

__all__ = ['Mapper']
