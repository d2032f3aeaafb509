"""Explanations of an ADF network's predictions, image by image."""

from .evidence import import_grad_cam
from .explanation import check_model, explain
from .images import ImageReader, class_of, find_images
from .page import Page, draw_page, to_rgb

__all__ = [
    'ImageReader',
    'Page',
    'check_model',
    'class_of',
    'draw_page',
    'explain',
    'find_images',
    'import_grad_cam',
    'to_rgb',
]
