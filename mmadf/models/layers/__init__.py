"""Layers that any network can use."""

from .decoupled import decoupled_conv2d
from .decoupled_conv import DecoupledConv2d
from .decoupled_linear import DecoupledLinear

DECOUPLED_LAYERS = (DecoupledConv2d, DecoupledLinear)

__all__ = [
    'DECOUPLED_LAYERS',
    'DecoupledConv2d',
    'DecoupledLinear',
    'decoupled_conv2d',
]
