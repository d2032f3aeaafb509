"""What is installed only with an extra is asked for only where it is used."""

import sys

import pytest

from mmadf.utils.progress import import_tqdm
from tests.conftest import ROOT

# Import names of what no package that mmadf needs brings along.
EXTRAS = [
    'art',
    'captum',
    'imagecorruptions',
    'multiprocess',
    'onnx',
    'onnxruntime',
    'onnxscript',
    'scipy',
    'sklearn',
    'timm',
    'torchmetrics',
    'tqdm',
]
WITHOUT = f"""
import sys
for name in {EXTRAS}:
    sys.modules[name] = None  # imports of it fail
"""
TOOLS = sorted((ROOT / 'tools').rglob('*.py'))


def test_every_module_is_imported_without_the_extras(python):
    code = """
import pkgutil
from importlib import import_module
import mmadf
names = [m.name for m in pkgutil.walk_packages(mmadf.__path__, 'mmadf.')]
for name in names:
    import_module(name)
print(len(names))
"""
    assert int(python('-c', WITHOUT + code).stdout.splitlines()[-1]) > 80


def test_every_tool_tells_its_options_without_the_extras(python):
    code = f"""
import runpy
for path in {[str(path) for path in TOOLS]}:
    sys.argv = [path, '--help']
    try:
        runpy.run_path(path, run_name='__main__')
    except SystemExit as end:
        assert not end.code, path
"""
    done = python('-c', WITHOUT + code)
    assert done.stdout.count('usage: ') == len(TOOLS) > 15


def test_network_is_counted_without_the_extras(python):
    code = """
import runpy
sys.argv = ['complexity.py', 'configs/adf/adf_tiny_digits.py', '--size', '16']
runpy.run_path('tools/analysis/complexity.py', run_name='__main__')
"""
    assert (
        '2.020' in python('-c', WITHOUT + code).stdout
    )  # parameters, to the single one


def test_missing_tqdm_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, 'tqdm', None)
    with pytest.raises(ImportError, match='pip install tqdm'):
        import_tqdm()
