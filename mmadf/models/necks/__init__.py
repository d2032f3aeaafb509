"""Necks: what stands between backbones and heads."""

from .timm_pooling import TimmPooling
from .wise_srnet import WiseSrNetPooling

__all__ = ['TimmPooling', 'WiseSrNetPooling']
