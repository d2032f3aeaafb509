"""Trained classifiers as files that run without this package.

Not imported by `import mmadf`: what it needs beyond the package is for those who
export.
"""

from .deploy import deploy_classifier
from .export import ExportError, export_classifier

__all__ = ['ExportError', 'deploy_classifier', 'export_classifier']
