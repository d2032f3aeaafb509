"""The maths of decoupled layers, f(w, x) = h(|w|, |x|) * g(theta).

`operators` has h and g, `formula` the convolution in plain PyTorch, `lean` the same
with less memory in training, `functional` the public functions, which choose between
the two, and `module` the part of a layer that owns the operator radii.
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
