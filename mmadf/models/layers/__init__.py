"""Layers that any network can use."""

from .decouple import decouple, fold, recouple
from .decoupled_conv import DecoupledConv2d
from .decoupled_linear import DecoupledLinear
from .gate import build_gate

__all__ = [
    'DecoupledConv2d',
    'DecoupledLinear',
    'build_gate',
    'decouple',
    'fold',
    'recouple',
]
