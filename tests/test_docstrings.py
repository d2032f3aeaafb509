"""Functions and arguments are explained, files and functions short."""

import ast
import re
from pathlib import Path

import pytest

from tests.conftest import ROOT

FILES = sorted((ROOT / 'mmadf').rglob('*.py'))
FILES = [f for f in FILES if '.mim' not in f.parts]
TOOLS = sorted((ROOT / 'tools').rglob('*.py'))


def definitions(kind, files=FILES):
    for path in files:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, kind):
                yield pytest.param(node, id=f'{path.relative_to(ROOT)}:{node.name}')


def own_arguments(function):
    args = function.args
    named = [a.arg for a in [*args.posonlyargs, *args.args, *args.kwonlyargs]]
    return [name for name in named if name not in ('self', 'cls')]


DOCS = {
    param.values[0].name: ast.get_docstring(param.values[0])
    for param in definitions(ast.ClassDef)
}


def explained_by(name):
    """Return what a docstring explains, or that of the class under 'Args: see'."""
    explained = set(re.findall(r'^    (\w+): ', DOCS[name], re.MULTILINE))
    for other in re.findall(r'Args: see `(\w+)`', DOCS[name]):
        explained |= explained_by(other)
    return explained


@pytest.mark.parametrize('cls', definitions(ast.ClassDef))
def test_every_init_argument_is_in_the_docstring(cls):
    assert DOCS[cls.name], f'{cls.name} has no docstring'
    inits = [n for n in cls.body if getattr(n, 'name', '') == '__init__']
    for init in inits:
        if cls.name.startswith('_'):
            continue
        missing = set(own_arguments(init)) - explained_by(cls.name)
        assert not missing, f'{cls.name} does not explain {missing}'


@pytest.mark.parametrize('function', definitions(ast.FunctionDef, FILES + TOOLS))
def test_functions_are_short(function):
    lines = function.end_lineno - function.lineno + 1
    if ast.get_docstring(function):
        docstring = function.body[0]
        lines -= docstring.end_lineno - docstring.lineno + 1
    assert lines <= 60, f'{function.name} has {lines} lines; split it by idea'


@pytest.mark.parametrize('function', definitions(ast.FunctionDef))
def test_public_functions_have_docstring_and_types(function):
    if function.name.startswith('_'):
        return
    assert ast.get_docstring(function), f'{function.name} has no docstring'
    assert function.returns is not None, f'{function.name} has no return type'
    untyped = [
        a.arg
        for a in [*function.args.args, *function.args.kwonlyargs]
        if a.annotation is None and a.arg not in ('self', 'cls')
    ]
    assert not untyped, f'{function.name} leaves {untyped} untyped'


@pytest.mark.parametrize('path', FILES, ids=lambda p: str(Path(p).relative_to(ROOT)))
def test_files_have_a_docstring_and_stay_readable(path):
    text = path.read_text()
    assert ast.get_docstring(ast.parse(text)), 'no module docstring'
    assert len(text.splitlines()) <= 300
