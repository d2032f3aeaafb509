"""Import of packages that only some tools require."""

from importlib import import_module
from types import ModuleType
from typing import Optional


def import_optional(module: str, command: Optional[str] = None) -> ModuleType:
    """Import a module of an optional package.

    Args:
        module: dotted name of the module.
        command: command that installs the package; by default pip with its name.

    Raises:
        ImportError: the package is not installed; the message says how to install it.
    """
    try:
        return import_module(module)
    except ImportError as error:
        package = module.split('.')[0]
        command = command or f'pip install {package}'
        raise ImportError(f'{package} is not installed: {command}') from error
