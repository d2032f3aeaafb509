"""Report of a training run as one self-contained HTML page."""

from .configuration import Configuration, read_configuration
from .page import Run, write_report
from .predictions import TEST, VALIDATION, kind_of_images

__all__ = [
    'TEST',
    'VALIDATION',
    'Configuration',
    'Run',
    'kind_of_images',
    'read_configuration',
    'write_report',
]
