"""Necks: what stands between backbones and heads."""

from .mapper import Mapper
from .wise_srnet import WiseSrNetPooling

__all__ = ['Mapper', 'WiseSrNetPooling']
