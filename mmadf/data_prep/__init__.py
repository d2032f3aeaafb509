"""Image folders in MMPretrain's layout, made of the archives that users download."""

from .command import run_converter
from .imagenet import IMAGENET
from .layouts import INTEL, MIT67, SUBIMAGENET70, Layout
from .prepare import prepare
from .sources import Source, open_source

__all__ = [
    'IMAGENET',
    'INTEL',
    'MIT67',
    'SUBIMAGENET70',
    'Layout',
    'Source',
    'open_source',
    'prepare',
    'run_converter',
]
