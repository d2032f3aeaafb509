"""Loops of MMEngine's Runner."""

from .readouts import ReadoutsTestLoop

__all__ = ['ReadoutsTestLoop']
