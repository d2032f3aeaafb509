"""Trained classifiers as files that run without this package.

Not imported by `import mmadf`: what it needs beyond the package is for those who
export.
"""

from .export import ExportError, export_classifier

__all__ = ['ExportError', 'export_classifier']
