"""Supported versions of the mm packages, and the differences between them."""

import warnings
from contextlib import suppress
from importlib import import_module, metadata
from importlib.util import find_spec
from typing import Dict, Optional, Tuple

# Import name -> distributions that provide it, the maintained fork first, with the same
# bounds as in requirements/.
SUPPORTED: Dict[str, Tuple[str, ...]] = {
    'mmengine': ('onedl-mmengine>=0.10.12,<1', 'mmengine>=0.10.7,<1'),
    'mmcv': ('onedl-mmcv>=2.3.6,<2.4', 'mmcv>=2.2.0,<2.4', 'mmcv-lite>=2.2.0,<2.4'),
    'mmpretrain': ('onedl-mmpretrain>=1.3.6,<2', 'mmpretrain>=1.2.0,<2'),
}

INSTALL = 'pip install ' + ' '.join(f"'{fork}'" for fork, *_ in SUPPORTED.values())

# The domain from which the stock packages download weights expired in 2026; the forks
# provide a mirror with the same paths. Use it as
# `mmpretrain.get_model(name, pretrained=True, url_mapping=mmadf.WEIGHTS_MIRROR)`.
WEIGHTS_MIRROR = (r'https://download\.openmmlab\.com/', 'https://mmassets.onedl.ai/')


def check_stack() -> None:
    """Check that each mm package is installed once, in a supported version.

    Raises:
        ImportError: a package is missing, installed twice or unsupported; the message
            contains the command that installs the supported packages.
    """
    problems = [p for p in map(_package_problem, SUPPORTED) if p]
    if problems:
        raise ImportError(
            f'mmadf: {"; ".join(problems)}. Install the maintained forks with: '
            f'{INSTALL}; see docs/install.md for the stock packages. Do not mix both '
            'in one environment.'
        )


def import_host() -> None:
    """Import MMPretrain's models without their warnings.

    Raises:
        ImportError: torch and torchvision do not match, or setuptools is too new for
            the stock packages; the message says what to install.
    """
    with warnings.catch_warnings():
        # mmadf does not need the compiled operators of MMCV.
        warnings.filterwarnings('ignore', message='Fail to import ``MultiScale')
        warnings.filterwarnings('ignore', category=DeprecationWarning)
        warnings.filterwarnings('ignore', message='pkg_resources is deprecated')
        try:
            import_module('mmpretrain.models')
        except RuntimeError as error:
            if 'torchvision' not in str(error):
                raise
            raise ImportError(
                f'mmadf: torch {metadata.version("torch")} and torchvision '
                f'{metadata.version("torchvision")} are not a matching pair '
                f'({error}); install the torchvision release for this torch, both '
                'from the same index.'
            ) from error
        except ModuleNotFoundError as error:
            if error.name != 'pkg_resources':
                raise
            raise ImportError(
                'mmadf: the stock mm packages import pkg_resources, which setuptools '
                f'{metadata.version("setuptools")} does not contain; install '
                "'setuptools<82', or the maintained forks with: " + INSTALL
            ) from error


def _package_problem(package: str) -> Optional[str]:
    """Return what is wrong with one mm package, or None."""
    wanted = ' or '.join(SUPPORTED[package])
    bounds = {line.split('>=')[0]: line for line in SUPPORTED[package]}
    found = {}
    for name in bounds:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    named = ' and '.join(f'{name} {version}' for name, version in found.items())
    if len(found) > 1:
        return f'{named} install the same files; keep one of them'
    if not found:
        if find_spec(package):
            return None  # a source tree on the path has no version to check
        return f'{package} is missing (supported: {wanted})'
    from packaging.requirements import Requirement  # a dependency of the mm packages

    ((name, version),) = found.items()
    if not Requirement(bounds[name]).specifier.contains(version, prereleases=True):
        return f'found {named} (supported: {wanted})'
    return None
