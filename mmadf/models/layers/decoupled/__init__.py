"""The maths of decoupled layers, f(w, x) = h(|w|, |x|) * g(theta).

`operators` has the functions h and g, `functional` the formula, `lean` the same with
less memory for training in eager mode, and `module` the part of a layer that owns the
operator radii.
"""

from .functional import decoupled_conv2d, patch_norm
from .module import DecoupledOperator
from .operators import ANGLES, MAGNITUDES

__all__ = [
    'ANGLES',
    'MAGNITUDES',
    'DecoupledOperator',
    'decoupled_conv2d',
    'patch_norm',
]
