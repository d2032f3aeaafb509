import pytest

from mmadf.engine.config_text import parse_config
from tests.helpers import named


def test_config_text_is_never_executed(tmp_path):
    target = tmp_path / 'written'
    text = (
        f"a = open({str(target)!r}, 'w')\nb = [-1, dict(c={{'d/e': (1,)}})]\nimport os"
        '\nc = {[1]}'
    )
    found = parse_config(text)
    assert found == dict(
        a=f"open({str(target)!r}, 'w')", b=[-1, dict(c={"'d/e'": [1]})], c='{[1]}'
    )
    assert not target.exists()


def test_text_that_is_not_python_is_refused():
    for text in ['a = (', 'a = "\0"']:
        with named(text), pytest.raises(ValueError, match='config cannot be parsed'):
            parse_config(text)
