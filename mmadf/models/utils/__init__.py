"""Helpers of the components."""

from .stages import asked_stages, map_shapes

__all__ = ['asked_stages', 'map_shapes']
