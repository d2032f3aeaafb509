"""Report of a training run as one self-contained HTML page."""

from .page import Run, write_report
from .predictions import TEST, VALIDATION, kind_of_images

__all__ = ['TEST', 'VALIDATION', 'Run', 'kind_of_images', 'write_report']
