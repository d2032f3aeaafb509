"""Helpers of the components."""

from . import families  # registers
from .folding import fold_norms
from .pretrained import load_branch, load_branches
from .shapes import map_shapes, stage_shapes
from .stages import Stages, family, stages_of, trim

__all__ = [
    'Stages',
    'families',
    'family',
    'fold_norms',
    'load_branch',
    'load_branches',
    'map_shapes',
    'stage_shapes',
    'stages_of',
    'trim',
]
