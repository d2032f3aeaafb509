import pytest
from mmengine.config import Config

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
        a=f"open({str(target)!r}, 'w')", b=[-1, dict(c={'d/e': [1]})], c='{[1]}'
    )
    assert not target.exists()


def test_keys_that_are_no_names_are_kept_as_mmengine_writes_them():
    keys = {'.bias': dict(decay_mult=0.0), 'radius': dict(lr_mult=2.0)}
    cfg = Config(dict(optim_wrapper=dict(paramwise_cfg=dict(custom_keys=keys))))
    assert 'custom_keys=dict({' in cfg.pretty_text
    assert parse_config(cfg.pretty_text) == cfg.to_dict()


def test_text_that_is_not_python_is_refused():
    for text in ['a = (', 'a = "\0"']:
        with named(text), pytest.raises(ValueError, match='config cannot be parsed'):
            parse_config(text)
