"""Heads: from feature maps to class scores."""

from .wise_srnet import WiseSrNetHead

__all__ = ['WiseSrNetHead']
