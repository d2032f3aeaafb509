"""Explanations of an ADF network's predictions, image by image."""

from .evidence import import_grad_cam
from .explanation import check_model, explain
from .gate_mean import gate_maps, mean_gates
from .images import build_pipeline, class_of, find_images, read_image
from .page import Page, draw_page, to_rgb

__all__ = [
    'Page',
    'build_pipeline',
    'check_model',
    'class_of',
    'draw_page',
    'explain',
    'find_images',
    'gate_maps',
    'import_grad_cam',
    'mean_gates',
    'read_image',
    'to_rgb',
]
