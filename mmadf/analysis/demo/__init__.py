"""A page in the browser to try a trained classifier on photographs."""

from .answers import Answers
from .network import DemoNetwork
from .serve import served

__all__ = ['Answers', 'DemoNetwork', 'served']
