"""Heads: from the last map to class scores."""

from .wise_srnet import WiseSrNetHead

__all__ = ['WiseSrNetHead']
