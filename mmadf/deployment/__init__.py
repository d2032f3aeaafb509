"""Trained classifiers as smaller checkpoints and as ONNX files.

`import mmadf` does not import this package, which has dependencies of its own.
"""

from .checks import DeploymentError
from .deploy import deploy_classifier
from .export import export_classifier

__all__ = ['DeploymentError', 'deploy_classifier', 'export_classifier']
