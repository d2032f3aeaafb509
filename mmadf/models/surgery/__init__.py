"""Changes to built networks, in place."""

from .decouple import decouple, recouple
from .fold import fold
from .trim import trim

__all__ = ['decouple', 'fold', 'recouple', 'trim']
