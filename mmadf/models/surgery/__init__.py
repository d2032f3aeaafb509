"""Changes to built networks, in place."""

from .decouple import decouple, recouple
from .fold import fold, fold_norms
from .trim import trim

__all__ = ['decouple', 'fold', 'fold_norms', 'recouple', 'trim']
