"""Trained classifiers as smaller checkpoints and as ONNX files.

`import mmadf` does not import this package, which has dependencies of its own.
"""

from .deploy import deploy_classifier
from .export import export_classifier
from .network import ExportError

__all__ = ['ExportError', 'deploy_classifier', 'export_classifier']
