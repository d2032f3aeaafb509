"""Necks: what stands between backbones and heads."""

from .mapper import Mapper
from .timm_pooling import TimmPooling
from .wise_srnet import WiseSrNetPooling

__all__ = ['Mapper', 'TimmPooling', 'WiseSrNetPooling']
