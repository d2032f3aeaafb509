"""Recorded outcomes survive an interruption, and settings cannot be mixed."""

import pytest

from mmadf.experiments.robustness.conditions import Condition
from mmadf.experiments.robustness.records import Outcome, Records

FOG = Condition('corruption', 'fog', 2.0)


def outcome(*correct):
    return Outcome(list(correct), [0.75] * len(correct), [0.25] * len(correct), 2.0)


def test_records_are_read_again_without_the_truncated_line(tmp_path):
    records = Records(tmp_path, dict(seed=1))
    records.add(FOG, 0, outcome(1, 0))
    with open(tmp_path / 'records.jsonl', 'a') as file:
        file.write('{"condition": ["corruption", "fog", 2.0], "ba')
    again = Records(tmp_path, dict(seed=1))
    assert list(again.outcomes) == [(FOG, 0)]
    again.add(FOG, 1, outcome(1))
    assert Records(tmp_path, dict(seed=1)).of(FOG) == [outcome(1, 0), outcome(1)]


def test_a_damaged_line_is_named(tmp_path):
    Records(tmp_path, dict(seed=1)).add(FOG, 0, outcome(1, 0))
    with open(tmp_path / 'records.jsonl', 'a') as file:
        file.write('garbage\n')
    with pytest.raises(ValueError, match=r"records\.jsonl, line 2: 'garbage'"):
        Records(tmp_path, dict(seed=1))


def test_damaged_settings_are_named(tmp_path):
    (tmp_path / 'settings.json').touch()
    with pytest.raises(ValueError, match=r'settings\.json is damaged'):
        Records(tmp_path, dict(seed=1))


def test_other_settings_need_another_folder(tmp_path):
    Records(tmp_path, dict(seed=1, images=10))
    with pytest.raises(ValueError, match=r"{'seed': 1}, now {'seed': 2"):
        Records(tmp_path, dict(seed=2, images=10))
