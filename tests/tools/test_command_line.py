import runpy
import sys

import pytest

from tests.conftest import ROOT

DIGITS = str(ROOT / 'configs/adf/adf_tiny_digits.py')
TOOLS = dict(
    train='{config}',
    test='{config} {checkpoint}',
    export='{config} {checkpoint} {out}.onnx',
    deploy='{config} {checkpoint} {out}.pth',
    complexity='{config}',
    explain='{config} {checkpoint} {images} {out}',
    spatial_maps='{config} {checkpoint} {out}.png',
)


@pytest.fixture
def call(tmp_path, monkeypatch, capsys, image_folder):
    """Return a function that runs a tool and gives its exit code and its complaint."""

    def _call(name, **changes):
        (tmp_path / 'note.txt').write_text('no checkpoint')
        words = dict(
            config=DIGITS,
            checkpoint=tmp_path / 'note.txt',
            images=image_folder,
            out=tmp_path / 'out',
        )
        line = TOOLS.get(name, name).format(**{**words, **changes}).split()
        (script,) = (ROOT / 'tools').rglob(f'{name.split()[0]}.py')
        monkeypatch.setattr(sys, 'argv', [str(script), *line])
        with pytest.raises(SystemExit) as left:
            runpy.run_path(str(script), run_name='__main__')
        assert not (tmp_path / 'out').exists()
        return left.value.code, capsys.readouterr().err.strip().splitlines()

    return _call


@pytest.mark.parametrize('tool', TOOLS)
def test_a_missing_config_is_one_line(call, tool):
    code, lines = call(tool, config='gone.py')
    assert code == 2
    assert lines[-1].startswith(f'{tool}.py: error: ')
    assert 'gone.py' in lines[-1]


@pytest.mark.parametrize('tool', ['export', 'deploy', 'complexity', 'explain'])
@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('x = 1', 'has no `model`'),
        ('model = dict(', 'cannot be read as a config: SyntaxError'),
        ("_base_ = './gone.py'", 'cannot be read as a config: FileNotFoundError'),
    ],
)
def test_a_file_that_is_no_config_is_one_line(call, tool, text, message, tmp_path):
    (tmp_path / 'mine.py').write_text(text)
    code, lines = call(tool, config=tmp_path / 'mine.py')
    assert (code, len(lines)) == (2, 1)
    assert message in lines[0]


@pytest.mark.parametrize('tool', ['export', 'deploy', 'explain', 'spatial_maps'])
def test_a_file_that_is_no_checkpoint_is_one_line(call, tool):
    code, lines = call(tool)
    assert code == 2
    assert "note.txt' cannot be read as a checkpoint" in lines[-1]


@pytest.mark.parametrize(
    ('item', 'name'), [('pred', 'a.json'), ('pred', 'a'), ('metrics', 'a.txt')]
)
def test_results_that_could_not_be_written_are_refused_before_the_test(
    call, item, name, monkeypatch
):
    monkeypatch.setitem(
        TOOLS, 'test', f'{{config}} {{checkpoint}} --out {name} --out-item {item}'
    )
    code, lines = call('test')
    assert code == 2
    assert f'--out {name}: its name must end in one of' in lines[-1]
