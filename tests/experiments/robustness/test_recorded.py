"""The committed comparisons of robustness are those of the committed results."""

import pytest

from tests.conftest import ROOT
from tests.pictures import assert_same_picture
from tests.scripts import call_script

FOLDERS = sorted((ROOT / 'docs' / 'results').glob('*/robustness'))


@pytest.mark.parametrize('folder', FOLDERS, ids=lambda folder: folder.parent.name)
def test_comparison_is_made_from_the_results_alone(
    folder, monkeypatch, capsys, tmp_path
):
    pytest.importorskip('matplotlib')
    table = (folder / 'comparison.md').read_text()
    names = [name.strip() for name in table.splitlines()[0].split('|')[2:-1]]
    assert {path.name for path in folder.iterdir() if path.is_dir()} == set(names)
    figure = tmp_path / 'comparison.png'
    networks = [f'{name}={folder / name}' for name in names]
    code, _, errors = call_script(
        monkeypatch, capsys, 'tools/analysis/robustness.py', figure, *networks
    )
    assert (code, errors) == (0, '')
    assert figure.with_suffix('.md').read_text() == table
    assert_same_picture(figure, folder / 'comparison.png')
