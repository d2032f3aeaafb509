"""Packages of the extras are needed only by the code that uses them."""

import json

import pytest

from tests.conftest import ROOT

# Import names of packages that no requirement of mmadf installs.
EXTRAS = [
    'art',
    'captum',
    'gradio',
    'huggingface_hub',
    'imagecorruptions',
    'multiprocess',
    'onnx',
    'onnxruntime',
    'onnxscript',
    'safetensors',
    'scipy',
    'skimage',
    'sklearn',
    'submitit',
    'timm',
    'torchmetrics',
    'tqdm',
]
TOOLS = sorted(str(path) for path in (ROOT / 'tools').rglob('*.py'))
# One process does all that must work without the extras, and tells what failed.
CODE = f"""
import contextlib, io, json, pkgutil, runpy, sys, traceback
from importlib import import_module

for name in {EXTRAS}:
    sys.modules[name] = None  # makes its import fail
import mmadf

told = dict(modules=[], tools=[], failed=dict(), table='')

def attempt(kind, name, function, *arguments):
    told[kind].append(name)
    out = io.StringIO()
    try:
        with contextlib.redirect_stdout(out):
            function(*arguments)
    except SystemExit as end:
        if end.code:
            told['failed'][name] = f'exit code {{end.code}}'
    except BaseException:
        told['failed'][name] = traceback.format_exc()
    return out.getvalue()

for module in pkgutil.walk_packages(mmadf.__path__, 'mmadf.'):
    attempt('modules', module.name, import_module, module.name)
for path in {TOOLS}:
    sys.argv = [path, '--help']
    shown = attempt('tools', path, runpy.run_path, path, None, '__main__')
    if 'usage: ' not in shown:
        told['failed'].setdefault(path, f'no usage: {{shown}}')
sys.argv = ['complexity.py', 'configs/adf/adf_tiny_digits.py', '--size', '16']
with contextlib.redirect_stdout(io.StringIO()) as out:
    runpy.run_path('tools/analysis/complexity.py', run_name='__main__')
told['table'] = out.getvalue()
print(json.dumps(told))
"""


@pytest.fixture(scope='module')
def told(python):
    """Return what was imported and run in a process without the extras."""
    return json.loads(python('-c', CODE).stdout.splitlines()[-1])


def failures(told, kind):
    return '\n'.join(
        told['failed'][name] for name in told[kind] if name in told['failed']
    )


@pytest.mark.slow
def test_every_module_is_imported_without_the_extras(told):
    assert len(told['modules']) > 50
    assert failures(told, 'modules') == ''


@pytest.mark.slow
def test_every_tool_tells_its_options_without_the_extras(told):
    assert len(told['tools']) == len(TOOLS) > 15
    assert failures(told, 'tools') == ''


@pytest.mark.slow
def test_network_is_counted_without_the_extras(told):
    assert '2.020' in told['table']  # parameters, ratio to the single network
