import sys
from argparse import ArgumentParser
from pathlib import Path
from types import SimpleNamespace

import pytest
from mmpretrain.datasets import CustomDataset

from mmadf.utils.command_line import (
    ConfigOptions,
    NamedFolders,
    add_network_arguments,
    parse_network,
    report_invalid_input,
)
from tests.helpers import named


@pytest.fixture(autouse=True)
def name(monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['some/where/mine.py'])


def test_invalid_input_is_one_line_and_code_2(capsys):
    for error, line in [
        (ValueError('x=1:\n  not\tallowed'), 'x=1: not allowed'),
        (KeyError('Gone is not registered'), 'Gone is not registered'),
        (KeyError('RANK'), 'KeyError: RANK'),
        (AssertionError(), 'AssertionError: '),
        (FileNotFoundError(2, 'No such file', 'a'), "[Errno 2] No such file: 'a'"),
    ]:
        with named(repr(error)):
            with pytest.raises(SystemExit) as left, report_invalid_input():
                raise error
            assert left.value.code == 2
            assert capsys.readouterr().err == f'mine.py: error: {line}\n'


def test_image_folder_without_images_is_invalid_input(capsys, tmp_path):
    (tmp_path / 'cat').mkdir()
    (tmp_path / 'cat/a.heic').write_bytes(b'')
    with pytest.raises(SystemExit) as left, report_invalid_input():
        CustomDataset(data_root=str(tmp_path))
    assert left.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith('mine.py: error: Found 0 files in subfolders of: ')
    assert str(tmp_path) in line and '.png' in line
    assert line.endswith('; put images there, or check data_root.')


def test_ctrl_c_before_the_work_is_one_line_and_code_130(capsys):
    with pytest.raises(SystemExit) as left, report_invalid_input():
        raise KeyboardInterrupt
    assert left.value.code == 130
    assert capsys.readouterr().err == '\nmine.py: interrupted\n'


def test_ctrl_c_after_the_start_of_the_work_is_left_to_it():
    with pytest.raises(KeyboardInterrupt), report_invalid_input() as start_work:
        start_work()
        raise KeyboardInterrupt


def test_other_errors_keep_their_traceback():
    for error in [RuntimeError, AttributeError]:
        with named(error), pytest.raises(error), report_invalid_input():
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


def test_other_forms_and_repeated_names_are_refused(capsys):
    for words in [['a'], ['a='], ['a=x', 'a=y']]:
        with named(words):
            with pytest.raises(SystemExit):
                parse(*words)
            assert words[-1].partition('=')[0] in capsys.readouterr().err


@pytest.fixture
def parse_line(monkeypatch):
    """Parse a line with a network, a file to write, and options around them."""

    def _parse(*words):
        parser = ArgumentParser()
        add_network_arguments(parser)
        parser.add_argument('out')
        parser.add_argument('--size', type=int)
        monkeypatch.setattr(sys, 'argv', ['mine.py', *map(str, words)])
        return parse_network(parser)

    return _parse


def test_options_may_stand_between_config_and_checkpoint(parse_line):
    for words in [
        ('a.py', 'a.pth', 'b', '--size', '3'),
        ('a.py', '--size', '3', 'a.pth', 'b'),
        ('a.py', 'a.pth', '--size', '3', 'b'),
    ]:
        with named(words):
            found = parse_line(*words)
            assert (found.config, found.checkpoint, found.out) == ('a.py', 'a.pth', 'b')
            assert found.size == 3


def test_a_folder_is_its_own_checkpoint(parse_line, tmp_path):
    found = parse_line(tmp_path, '--size', '3', 'b')
    assert (found.config, found.checkpoint) == (str(tmp_path), str(tmp_path))
    assert found.out == 'b'


def test_a_config_file_needs_a_checkpoint(parse_line, capsys):
    with pytest.raises(SystemExit):
        parse_line('a.py', 'b')
    assert 'a.py is not a model folder; give its checkpoint' in capsys.readouterr().err


def test_config_options_keep_spaces_and_refuse_unreadable_brackets(capsys):
    parser = ArgumentParser(prog='tool')
    parser.add_argument('--cfg-options', nargs='+', action=ConfigOptions)
    for text, expected in {
        'root=/my images/a': '/my images/a',
        'root="/my images/a"': '/my images/a',
        'list=[1.0, 3.0]': [1.0, 3.0],
        'list=a, b': ['a', 'b'],
        'pair=(1,2)': (1, 2),
        'flag=False': False,
        'lr=1e-3': 1e-3,
    }.items():
        found = parser.parse_args(['--cfg-options', text]).cfg_options
        with named(text):
            assert list(found.values()) == [expected]
    for text in ('a=[1.0,3.0', "a=dict(b=dict(type='C', d=1))"):
        with named(text):
            with pytest.raises(SystemExit):
                parser.parse_args(['--cfg-options', text])
            assert 'write the fields of a dict one by one' in capsys.readouterr().err
