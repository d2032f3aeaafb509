"""Explanations of an ADF network's predictions, image by image."""

from .evidence import import_grad_cam
from .explanation import check_model, explain
from .page import Page, draw_page, to_rgb

__all__ = [
    'Page',
    'check_model',
    'draw_page',
    'explain',
    'import_grad_cam',
    'to_rgb',
]
