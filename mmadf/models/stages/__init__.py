"""Backbones as a sequence of stages, so that feature maps can be fused between them."""

from . import families, timm_families, token_families  # register the families
from .shapes import map_shapes, stage_shapes
from .stages import Stages, family, stages_of

__all__ = [
    'Stages',
    'families',
    'family',
    'map_shapes',
    'stage_shapes',
    'stages_of',
    'timm_families',
    'token_families',
]
