"""Report of a training run as one self-contained HTML page."""

from .configuration import Configuration, read_configuration
from .page import Run, write_report
from .predictions import TEST, VALIDATION, check_single_label, kind_of_images

__all__ = [
    'TEST',
    'VALIDATION',
    'Configuration',
    'Run',
    'check_single_label',
    'kind_of_images',
    'read_configuration',
    'write_report',
]
