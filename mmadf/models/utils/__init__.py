"""Helpers of the components."""

from .pretrained import load_branch, load_branches
from .stages import asked_stages, map_shapes

__all__ = ['asked_stages', 'load_branch', 'load_branches', 'map_shapes']
