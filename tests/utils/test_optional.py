"""A missing package is named with the command that installs it."""

import math
import sys

import pytest

from mmadf.utils.optional import import_optional


def test_installed_module_is_returned():
    assert import_optional('math') is math


@pytest.mark.parametrize(
    ('arguments', 'command'),
    [
        (('gone.part',), 'pip install gone$'),
        (('gone.part', 'conda add x'), 'conda add x$'),
    ],
)
def test_missing_package_is_named(arguments, command, monkeypatch):
    monkeypatch.setitem(sys.modules, 'gone', None)
    with pytest.raises(ImportError, match=f'gone is not installed: {command}'):
        import_optional(*arguments)
