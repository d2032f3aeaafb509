"""The maths of decoupled layers, f(w, x) = h(|w|, |x|) * g(theta).

`operators` has the tables of h and g, `base` what every layer knows of its operator,
`convolution` the formula as a function of tensors. The rest makes it fast in eager
PyTorch and safe in low precision: `closed_forms` and `response` (values and gradients
by h / r and its slope), `norms`, `primitives`.
"""

from .base import DecoupledOperator
from .convolution import LeanConvolution, convolve
from .operators import ANGLES, MAGNITUDES, Angle, Magnitude

__all__ = [
    'ANGLES',
    'MAGNITUDES',
    'Angle',
    'DecoupledOperator',
    'LeanConvolution',
    'Magnitude',
    'convolve',
]
