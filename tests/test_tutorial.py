"""The notebook of docs/: its committed outputs, and an execution at a small size."""

import os
import sys

import pytest

from tests.conftest import ROOT

nbformat = pytest.importorskip('nbformat')
PATH = ROOT / 'docs/tutorial.ipynb'


def notebook():
    return nbformat.read(PATH, as_version=4)


def code_cells(content):
    return [cell for cell in content.cells if cell.cell_type == 'code']


def test_committed_notebook_is_small_and_was_executed_in_order():
    cells = code_cells(notebook())
    assert [cell.execution_count for cell in cells] == [*range(1, len(cells) + 1)]
    outputs = [output for cell in cells for output in cell.outputs]
    shown = [kind for output in outputs for kind in output.get('data', {})]
    assert shown.count('image/png') == 2
    assert shown.count('text/html') == 1
    assert not [o for o in outputs if o.output_type == 'error']
    assert PATH.stat().st_size < 500_000
    for word in ('Traceback', '/root/', '/home/', str(ROOT.parent)):
        assert word not in PATH.read_text()


@pytest.mark.slow
def test_notebook_goes_from_images_to_onnx(tmp_path, monkeypatch):
    for package in ('captum', 'nbclient', 'onnxruntime', 'onnxscript', 'skimage'):
        pytest.importorskip(package)
    import nbclient

    command = tmp_path / 'bin' / 'mmadf'  # without an installation
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m mmadf "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv('PATH', f'{command.parent}:{os.environ["PATH"]}')
    monkeypatch.setenv('PYTHONPATH', str(ROOT))
    monkeypatch.setenv('IPYTHONDIR', str(tmp_path / 'ipython'))
    content = notebook()
    code_cells(content)[0].source = 'EPOCHS, TILE = 1, 128'
    place = dict(metadata=dict(path=str(tmp_path)))
    nbclient.NotebookClient(content, timeout=170, resources=place).execute()
    for name in ('my_config.py', 'small.py', 'small.pth', 'small.onnx'):
        assert (tmp_path / name).stat().st_size > 0
    (last,) = code_cells(content)[-1].outputs
    assert all(name in last.data['text/plain'] for name in ('cat', 'temple'))
