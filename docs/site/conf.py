"""The documentation as a site: Markdown pages as they are, and docstrings.

Run: python -m sphinx -W -c docs/site . build/site
"""

import re

from sphinx.application import Sphinx

project = 'mmadf'
author = 'mmadf contributors'
root_doc = 'README'
# The whole checkout is the source, so that links between pages work on GitHub and here.
include_patterns = [
    *('README.md', 'CHANGELOG.md', 'CONTRIBUTING.md'),
    *(
        'docs/*.md',
        'docs/*.ipynb',
        'docs/results/*.md',
        'docs/results/**/*.md',
        'docs/site/*.rst',
    ),
]
# Folders that are not searched.
exclude_patterns = [
    *('.*', 'build', 'configs', 'data', 'dist', 'docs/images'),
    *('mmadf', 'requirements', 'tests', 'tools', 'work_dirs'),
]

extensions = ['myst_nb', 'sphinx.ext.autodoc', 'sphinx.ext.napoleon']
myst_heading_anchors = 4
nb_execution_mode = 'off'  # the notebook contains its outputs
autodoc_member_order = 'bysource'
autodoc_typehints = 'none'  # they are in the signature
default_role = 'code'  # docstrings mark code by single backticks, as Markdown does

html_theme = 'furo'
html_title = 'mmadf'
html_additional_pages = {'index': 'redirect.html'}
templates_path = ['templates']

CONTENTS = """
```{toctree}
:hidden:
:caption: Start
docs/install
docs/tutorial
docs/data
docs/training
docs/models
```

```{toctree}
:hidden:
:caption: Ideas
docs/adf
docs/wise_srnet
docs/decoupled
```

```{toctree}
:hidden:
:caption: Use
docs/deployment
docs/demo
docs/explain
docs/report
docs/robustness
docs/studies
docs/results
```

```{toctree}
:hidden:
:caption: Reference
docs/site/api
CONTRIBUTING
CHANGELOG
```
"""


def add_contents(app: Sphinx, name: str, source: list) -> None:
    """Add the navigation to README.md, and leave the tables of studies out of it."""
    if name == root_doc:
        source[0] += CONTENTS
    elif name.startswith('docs/results/'):
        source[0] = f'---\norphan: true\n---\n{source[0]}'


def escape_symbols(app: Sphinx, what: str, name: str, obj: object, *rest: list) -> None:
    """Escape * and | outside of code: docstrings use them in formulas and patterns."""
    lines, block = rest[-1], None  # indentation of the block of code that we are in
    for index, line in enumerate(lines):
        indent = len(line) - len(line.lstrip())
        if block is not None and line.strip() and indent <= block:
            block = None
        if block is None:
            pieces = re.split(r'(`[^`]*`)', line)
            pieces[::2] = [re.sub(r'[*|]', r'\\\g<0>', piece) for piece in pieces[::2]]
            lines[index] = ''.join(pieces)
            if line.lstrip().startswith('.. ') or line.endswith('::'):
                block = indent


def setup(app: Sphinx) -> None:
    """Connect the functions above to Sphinx."""
    app.connect('source-read', add_contents)
    app.connect('autodoc-process-docstring', escape_symbols, priority=400)
