"""Layers that any network can use."""

from .decoupled_conv import DecoupledConv2d
from .decoupled_linear import DecoupledLinear

__all__ = ['DecoupledConv2d', 'DecoupledLinear']
