"""A missing package is named with the command that installs it."""

import math
import sys

import pytest

from mmadf.utils.optional import REQUIREMENTS, import_optional


def test_installed_module_is_returned():
    assert import_optional('math') is math


@pytest.mark.parametrize(
    ('module', 'command'),
    [
        ('tqdm', 'pip install tqdm'),
        ('captum.attr', "pip install 'captum>=0.9'"),
        ('art.attacks.evasion', 'pip install adversarial-robustness-toolbox multipro'),
    ],
)
def test_missing_package_is_named(module, command, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=f'^{module} cannot be imported .*{command}'):
        import_optional(module)


def test_missing_requirement_of_a_package_is_named(monkeypatch, tmp_path):
    (tmp_path / 'half.py').write_text('import gone')
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(REQUIREMENTS, 'half', ['half', 'gone'])
    with pytest.raises(ImportError, match="'gone'.*pip install half gone"):
        import_optional('half')
