import sys
from argparse import ArgumentParser
from pathlib import Path
from types import SimpleNamespace

import pytest

from mmadf.utils.command_line import NamedFolders, report_invalid_input


@pytest.fixture(autouse=True)
def name(monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['some/where/mine.py'])


@pytest.mark.parametrize(
    ('error', 'line'),
    [
        (ValueError('x=1:\n  not\tallowed'), 'x=1: not allowed'),
        (KeyError('Gone is not registered'), 'Gone is not registered'),
        (KeyError('RANK'), 'KeyError: RANK'),
        (AssertionError(), 'AssertionError: '),
        (FileNotFoundError(2, 'No such file', 'a'), "[Errno 2] No such file: 'a'"),
    ],
    ids=lambda case: type(case).__name__,
)
def test_invalid_input_is_one_line_and_code_2(error, line, capsys):
    with pytest.raises(SystemExit) as left, report_invalid_input():
        raise error
    assert left.value.code == 2
    assert capsys.readouterr().err == f'mine.py: error: {line}\n'


@pytest.mark.parametrize('error', [RuntimeError, AttributeError])
def test_other_errors_keep_their_traceback(error):
    with pytest.raises(error), report_invalid_input():
        raise error


def test_errors_after_the_start_of_the_work_keep_their_traceback():
    with pytest.raises(ValueError, match='bug'), report_invalid_input() as start_work:
        start_work()
        raise ValueError('bug')


def test_all_errors_keep_their_traceback_in_development_mode(monkeypatch):
    monkeypatch.setattr(sys, 'flags', SimpleNamespace(dev_mode=True))
    with pytest.raises(ValueError, match='invalid'), report_invalid_input():
        raise ValueError('invalid')


def parse(*words):
    parser = ArgumentParser()
    parser.add_argument('runs', nargs='+', action=NamedFolders)
    return parser.parse_args(words).runs


def test_named_folders_are_a_dict():
    assert parse('a=x', 'b=y/z=1') == dict(a=Path('x'), b=Path('y/z=1'))


@pytest.mark.parametrize('words', [['a'], ['a='], ['a=x', 'a=y']])
def test_other_forms_and_repeated_names_are_refused(words, capsys):
    with pytest.raises(SystemExit):
        parse(*words)
    assert words[-1].partition('=')[0] in capsys.readouterr().err
