"""Hooks of MMEngine's Runner."""

from .check_data import CheckDataHook
from .safe_checkpoint import SafeCheckpointHook

__all__ = ['CheckDataHook', 'SafeCheckpointHook']
