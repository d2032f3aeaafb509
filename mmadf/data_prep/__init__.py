"""Conversion of published archives to image folders in MMPretrain's layout."""

from .command import run_converter
from .prepare import prepare
from .published import IMAGENET, INTEL, MIT67, SUBIMAGENET70

__all__ = ['IMAGENET', 'INTEL', 'MIT67', 'SUBIMAGENET70', 'prepare', 'run_converter']
