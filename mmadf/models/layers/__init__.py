"""Layers that any network can use."""

from .decoupled_conv import DecoupledConv2d
from .gate import build_gate

__all__ = ['DecoupledConv2d', 'build_gate']
