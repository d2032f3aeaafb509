"""Explanations of a network's predictions, image by image."""

from .evidence import import_grad_cam, parts_of
from .explanation import explain
from .gate_mean import gate_maps, mean_gates
from .images import (
    Pipeline,
    build_pipeline,
    class_of,
    find_images,
    read_image,
    to_batch,
)
from .index import check_index, index_html, make_entry, relative_link
from .kernels import kernels_of
from .page import Page, page_html
from .photograph import take_photograph, to_rgb
from .sections import explanation_html

__all__ = [
    'Page',
    'Pipeline',
    'build_pipeline',
    'check_index',
    'class_of',
    'explain',
    'explanation_html',
    'find_images',
    'gate_maps',
    'import_grad_cam',
    'index_html',
    'kernels_of',
    'make_entry',
    'mean_gates',
    'page_html',
    'parts_of',
    'read_image',
    'relative_link',
    'take_photograph',
    'to_batch',
    'to_rgb',
]
