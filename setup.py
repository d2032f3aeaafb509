"""Packaging of mmadf; tool settings live in pyproject.toml."""

from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
# Extras for the scripts in tools/, one for each group of scripts.
TOOLS = (
    'data',
    'demo',
    'export',
    'hub',
    'plots',
    'robustness',
    'slurm',
    'studies',
    'timm',
)


def read_version() -> str:
    """Return `__version__` without importing the package."""
    scope = {}
    exec((ROOT / 'mmadf' / 'version.py').read_text(), scope)
    return scope['__version__']


def read_requirements(name: str) -> list:
    """Return the requirement lines of `requirements/<name>.txt`."""
    lines = (ROOT / 'requirements' / f'{name}.txt').read_text().splitlines()
    return [line for line in lines if line and not line.startswith(('#', '-'))]


def read_extras() -> dict:
    """Return the extras with their requirements; `tools` is all of `TOOLS`."""
    names = ('onedl', 'openmmlab', 'docs', 'tests', *TOOLS)
    extras = {name: read_requirements(name) for name in names}
    extras['tools'] = sorted({line for name in TOOLS for line in extras[name]})
    return extras


setup(
    name='mmadf',
    version=read_version(),
    description='ADF, Wise-SrNet and Decoupled Networks for MMPretrain',
    long_description=(ROOT / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    author='mmadf contributors',
    license='Apache-2.0',
    keywords=[
        'adaptive decoupling-fusion',
        'decoupled networks',
        'image classification',
        'mmpretrain',
        'openmmlab',
        'pytorch',
        'wise-srnet',
    ],
    classifiers=[
        'Development Status :: 3 - Alpha',
        'Intended Audience :: Science/Research',
        'Programming Language :: Python :: 3',
        'Programming Language :: Python :: 3.11',
        'Programming Language :: Python :: 3.12',
        'Topic :: Scientific/Engineering :: Artificial Intelligence',
        'Topic :: Scientific/Engineering :: Image Recognition',
        'Typing :: Typed',
    ],
    python_requires='>=3.11',
    packages=find_packages(include=['mmadf', 'mmadf.*']),
    py_modules=['mmadf_command'],
    entry_points={'console_scripts': ['mmadf=mmadf_command:main']},
    # `mmadf/.mim` links to configs, tools and model-index.yml of the checkout;
    # a wheel carries copies, so that `mmadf::adf/...` works from both.
    package_data={
        'mmadf': [
            'analysis/report/page.html',
            '.mim/model-index.yml',
            '.mim/configs/**/*.py',
            '.mim/configs/**/*.yml',
            '.mim/tools/**/*.py',
            '.mim/tools/**/*.sh',
            'analysis/demo/page.css',
        ]
    },
    # The mm packages come in two lines that install the same import names, so
    # neither is a hard requirement: an extra or requirements/env.txt chooses.
    install_requires=read_requirements('runtime'),
    extras_require=read_extras(),
    zip_safe=False,
)
