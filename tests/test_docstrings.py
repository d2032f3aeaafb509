"""Every public function explains itself, and every argument of every component."""

import ast
import re
from pathlib import Path

import pytest

from tests.conftest import ROOT

FILES = sorted((ROOT / 'mmadf').rglob('*.py'))
FILES = [f for f in FILES if '.mim' not in f.parts]


def definitions(kind):
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, kind):
                yield pytest.param(node, id=f'{path.relative_to(ROOT)}:{node.name}')


def own_arguments(function):
    args = function.args
    named = [a.arg for a in [*args.posonlyargs, *args.args, *args.kwonlyargs]]
    return [name for name in named if name not in ('self', 'cls')]


@pytest.mark.parametrize('cls', definitions(ast.ClassDef))
def test_every_init_argument_is_in_the_docstring(cls):
    doc = ast.get_docstring(cls)
    assert doc, f'{cls.name} has no docstring'
    inits = [n for n in cls.body if getattr(n, 'name', '') == '__init__']
    explained = re.findall(r'^    (\w+): ', doc, re.MULTILINE)
    for init in inits:
        if 'See `' in doc or 'see `' in doc or cls.name.startswith('_'):
            continue
        missing = set(own_arguments(init)) - set(explained)
        assert not missing, f'{cls.name} does not explain {missing}'


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
