"""Layers that any network can use."""

from .decoupled_conv import DecoupledConv2d
from .decoupled_linear import DecoupledLinear
from .decoupling import decouple, fold, recouple
from .gate import build_gate

__all__ = [
    'DecoupledConv2d',
    'DecoupledLinear',
    'build_gate',
    'decouple',
    'fold',
    'recouple',
]
