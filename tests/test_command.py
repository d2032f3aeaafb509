"""The command `mmadf`: the scripts of tools/ by name."""

import re
import sys

import pytest

import mmadf_command
from mmadf_command import COMMANDS
from tests.conftest import ROOT


@pytest.fixture
def mmadf(monkeypatch, capsys):
    """Run the command in this process; return its exit code, output and errors."""

    monkeypatch.setitem(sys.modules, '__main__', sys.modules['__main__'])

    def _mmadf(*arguments):
        monkeypatch.setattr(sys, 'argv', ['mmadf', *map(str, arguments)])
        code = 0
        try:
            mmadf_command.main()
        except SystemExit as end:
            code = end.code
        return code, *capsys.readouterr()

    return _mmadf


def test_every_script_for_users_is_a_command():
    """Benchmarks are for developers."""
    scripts = {
        str(path.relative_to(ROOT / 'tools'))
        for path in (ROOT / 'tools').rglob('*.py')
        if path.parent.name != 'benchmarks'
    }
    assert {script for script, _ in COMMANDS.values()} == scripts


@pytest.mark.parametrize('arguments', [(), ('-h',), ('--help',)])
def test_help_shows_three_uses_and_a_line_for_each_command(mmadf, arguments):
    code, output, errors = mmadf(*arguments)
    assert (code, errors) == (0, '')
    uses, _, commands = output.partition('\ncommands:\n')
    assert uses.count('\n  mmadf ') == 3
    listed = dict(line.split(maxsplit=1) for line in commands.splitlines())
    assert listed == {name: told for name, (_, told) in COMMANDS.items()}
    assert max(map(len, output.splitlines())) < 80


def test_help_does_not_wait_for_the_import_of_torch(python, tmp_path):
    code = (
        "import sys; from mmadf_command import main; sys.argv = ['mmadf']; main(); "
        "print('torch' in sys.modules)"
    )
    assert python('-c', code, cwd=tmp_path).stdout.splitlines()[-1] == 'False'


@pytest.mark.parametrize(
    ('name', 'hint'), [('trian', "did you mean 'train'? "), ('x', '')]
)
def test_unknown_command_is_one_line(mmadf, name, hint):
    line = f'mmadf: error: unknown command {name!r}; {hint}mmadf --help lists all '
    assert mmadf(name) == (2, '', f'{line}commands\n')


def test_command_runs_its_script(mmadf):
    config = 'mmadf::adf/adf_tiny_digits.py'
    code, output, _ = mmadf('complexity', config, '--size', 16)
    assert code == 0
    assert '2.020' in output  # parameters, ratio to the single network


def test_errors_and_usage_name_the_command(mmadf):
    code, _, errors = mmadf('train', 'gone.py')
    assert code == 2
    assert errors.startswith("mmadf train: error: config='gone.py'")
    code, output, _ = mmadf('train', '--help')
    assert code == 0
    assert output.startswith('usage: mmadf train ')


def test_missing_host_is_one_line(mmadf, monkeypatch):
    monkeypatch.setitem(sys.modules, 'mmadf', None)
    code, _, errors = mmadf('train', 'gone.py')
    assert code == 2
    assert errors.startswith('mmadf: error: import of mmadf halted')
    assert len(errors.splitlines()) == 1


def test_documentation_names_commands_that_exist():
    pages = [ROOT / 'README.md', *(ROOT / 'docs').glob('*.md')]
    blocks = [
        block
        for page in pages
        for block in re.findall(r'^```.*?^```', page.read_text(), re.M | re.S)
    ]
    named = set(re.findall(r'^mmadf ([a-z][\w-]*)', '\n'.join(blocks), re.M))
    assert 'train' in named
    assert named <= set(COMMANDS)
