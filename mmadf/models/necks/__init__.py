"""Necks: between backbone and head."""

from .timm_pooling import TimmPooling
from .wise_srnet import WiseSrNetPooling

__all__ = ['TimmPooling', 'WiseSrNetPooling']
