"""What ruff's docstring rules do not see: arguments of classes, lengths."""

import ast
import re

from tests.conftest import ROOT

PACKAGE = [f for f in sorted((ROOT / 'mmadf').rglob('*.py')) if '.mim' not in f.parts]
TOOLS = sorted((ROOT / 'tools').rglob('*.py'))


def definitions(kind, files):
    """Yield file and name, and the definition, of all classes or functions."""
    for path in files:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, kind):
                yield f'{path.relative_to(ROOT)}: {node.name}', node


CLASSES = list(definitions(ast.ClassDef, PACKAGE))
DOCSTRINGS = {node.name: ast.get_docstring(node) or '' for _, node in CLASSES}


def explained_by(name):
    """Return the arguments in a docstring, or in that of `Args: see` another class."""
    arguments = set(re.findall(r'^    (\w+): ', DOCSTRINGS[name], re.MULTILINE))
    for other in re.findall(r'Args: see `(\w+)`', DOCSTRINGS[name]):
        arguments |= explained_by(other)
    return arguments


def test_every_init_argument_is_in_the_docstring_of_its_class():
    checked = 0
    for place, cls in CLASSES:
        assert DOCSTRINGS[cls.name], f'{place} has no docstring'
        for init in (n for n in cls.body if getattr(n, 'name', '') == '__init__'):
            named = {a.arg for a in [*init.args.args, *init.args.kwonlyargs]} - {'self'}
            missing = named - explained_by(cls.name)
            assert not missing or cls.name.startswith('_'), f'{place}: {missing}'
            checked += len(named)
    assert checked > 100


def test_files_and_functions_are_short():
    for path in PACKAGE + TOOLS:
        lines = len(path.read_text().splitlines())
        assert lines <= 300, f'{path.relative_to(ROOT)} has {lines} lines'
    for place, function in definitions(ast.FunctionDef, PACKAGE + TOOLS):
        lines = function.end_lineno - function.lineno + 1
        if ast.get_docstring(function):
            docstring = function.body[0]
            lines -= docstring.end_lineno - docstring.lineno + 1
        assert lines <= 60, f'{place} has {lines} lines without its docstring'
