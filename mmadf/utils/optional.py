"""Import of packages that only some features require."""

import shlex
from importlib import import_module
from types import ModuleType

# By import name: what to install.
REQUIREMENTS = dict(
    art=['adversarial-robustness-toolbox', 'multiprocess'],
    captum=['captum>=0.9'],
    gradio=['gradio>=6,<7'],
    huggingface_hub=['huggingface_hub'],
    imagecorruptions=['imagecorruptions-imaug'],
    jinja2=['Jinja2'],
    matplotlib=['matplotlib'],
    onnx=['onnx', 'onnxruntime', 'onnxscript'],
    onnxruntime=['onnx', 'onnxruntime', 'onnxscript'],
    onnxscript=['onnx', 'onnxruntime', 'onnxscript'],
    safetensors=['safetensors'],
    scipy=['scipy>=1.15'],  # the first version with `rng` of `permutation_test`
    skimage=['scikit-image'],
    sklearn=['scikit-learn'],
    submitit=['submitit>=1.5.4'],
    timm=['timm'],
    torchmetrics=['torchmetrics'],
    tqdm=['tqdm'],
)


def import_optional(module: str) -> ModuleType:
    """Import a module of an optional package.

    Args:
        module: dotted name of the module; its package is one of REQUIREMENTS.

    Raises:
        ImportError: the package, or one that it requires, is not installed. The message
            contains the command that installs it.
    """
    try:
        return import_module(module)
    except ImportError as error:
        command = shlex.join(['pip', 'install', *REQUIREMENTS[module.split('.')[0]]])
        raise ImportError(
            f'{module} cannot be imported ({error}); install it with: {command}'
        ) from error
