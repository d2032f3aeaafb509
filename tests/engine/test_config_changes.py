import pytest

from mmadf.engine.config_changes import config_changes
from tests.helpers import named

FORMER = """
optim_wrapper = dict(optimizer=dict(lr=0.1, type='SGD'))
param_scheduler = [dict(type='StepLR', step_size=2), dict(type='LinearLR')]
work_dir = 'a'
"""


def test_differences_are_named_by_field():
    current = FORMER.replace('0.1', '-0.2').replace("'a'", "'b'") + 'resume = True\n'
    assert config_changes(FORMER, FORMER) == []
    assert config_changes(FORMER, current) == [
        'optim_wrapper.optimizer.lr: 0.1 -> -0.2'
    ]


def test_layout_does_not_matter():
    current = "optim_wrapper = {'optimizer': {'type': 'SGD', 'lr': 0.1}}"
    assert config_changes(FORMER.splitlines()[1], current) == []


def test_keys_that_are_no_names_are_compared_one_by_one():
    former = "x = dict({'.bias': dict(lr=1), 'a/b': 2})"
    current = "x = dict({'.bias': dict(lr=3), 'a/b': 2})"
    assert config_changes(former, current) == ['x..bias.lr: 1 -> 3']


def test_added_and_removed_fields_are_named():
    current = FORMER.replace(", dict(type='LinearLR')", '') + 'compile = True\n'
    assert config_changes(FORMER, current) == [
        "param_scheduler.1.type: 'LinearLR' -> not set",
        'compile: not set -> True',
    ]


def test_code_in_the_text_is_not_run(tmp_path):
    code = f'open({str(tmp_path / "ran")!r}, "w")'
    former = f'{code}\nx = {code}\ny = dict(z={code})\n'
    assert len(config_changes(former, 'x = 1')) == 2
    assert not (tmp_path / 'ran').exists()


def test_other_text_is_refused():
    for text in ['x = ', 'x = ' + '(' * 9999, 'x = \0']:
        with named(text[:9]), pytest.raises(ValueError, match='cannot be parsed'):
            config_changes(text, 'x = 1')
