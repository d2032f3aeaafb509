"""From recorded outcomes to rows and curves."""

import pytest

from mmadf.experiments.robustness.conditions import Condition, plan_conditions
from mmadf.experiments.robustness.records import Outcome, Records
from mmadf.experiments.robustness.summary import (
    accuracy_curves,
    average,
    summarise,
)
from tests.experiments.robustness.examples import ROWS

CLEAN = Condition('clean')


def outcome(*correct, brier=0.25):
    return Outcome(list(correct), [0.75] * len(correct), [brier] * len(correct), 2.0)


def test_condition_counts_all_its_batches_once_they_are_complete(tmp_path):
    pytest.importorskip('torchmetrics')
    records = Records(tmp_path, {})
    records.add(CLEAN, 1, outcome(1, brier=1.0))
    assert summarise(records, images=4) == []
    records.add(CLEAN, 0, outcome(1, 0, 1))
    (found,) = summarise(records, images=4)
    assert found[:5] == ('clean', '', 0.0, 4, 75.0)
    assert found.ece == pytest.approx(0)
    assert (found.brier, found.seconds) == (1.75 / 4, 4.0)


def test_calibration_error_is_between_confidence_and_accuracy(tmp_path):
    pytest.importorskip('torchmetrics')
    records = Records(tmp_path, {})
    records.add(CLEAN, 0, outcome(1, 1))
    (found,) = summarise(records, images=2)
    assert found.ece == pytest.approx(0.25)  # 0.75 and 1


def test_rows_are_sorted_whatever_was_tested_first(tmp_path):
    pytest.importorskip('torchmetrics')
    records = Records(tmp_path, {})
    plan = plan_conditions(['fgsm', 'pgd'], [0.5, 10], True, ['fog'], [5, 1])
    for condition in reversed(plan[1:]):
        records.add(condition, 0, outcome(1))
    records.add(CLEAN, 0, outcome(1))
    assert [row.condition for row in summarise(records, images=1)] == [
        ('clean', '', 0),
        *[('attack', name, eps) for name in ('pgd', 'fgsm') for eps in (0.5, 10)],
        *[('transfer', name, eps) for name in ('pgd', 'fgsm') for eps in (0.5, 10)],
        *[('corruption', 'fog', severity) for severity in (1, 5)],
    ]


def test_plan_has_every_attack_at_every_eps_and_transfers_all_but_autoattack():
    attacks = ['fgsm', 'autoattack']
    plan = plan_conditions(attacks, [1, 0.5], True, ['fog'], [1, 5])
    assert [str(condition) for condition in plan] == [
        'clean//0',
        *('attack/fgsm/1', 'attack/fgsm/0.5'),
        *('transfer/fgsm/1', 'transfer/fgsm/0.5'),
        *('corruption/fog/1', 'corruption/fog/5'),
        *('attack/autoattack/1', 'attack/autoattack/0.5'),  # by far the slowest
    ]
    kinds = {c.kind for c in plan_conditions(attacks, [1], False, [], [])}
    assert kinds == {'clean', 'attack'}


def test_plan_has_each_condition_once():
    plan = plan_conditions(['fgsm', 'fgsm'], [8, 8.0], False, ['fog'], [1, 1])
    assert list(map(str, plan)) == ['clean//0', 'attack/fgsm/8', 'corruption/fog/1']


def test_curves_start_clean_and_average_only_complete_severities():
    assert accuracy_curves(ROWS, 'attack') == dict(
        fgsm=([0, 1], [80, 60]), pgd=([0, 1, 8], [80, 55, 5])
    )
    assert accuracy_curves(ROWS, 'corruption') == dict(mean=([0, 1], [80, 65]))


def test_average_is_over_tests_and_not_over_conditions():
    other = [row._replace(accuracy=row.accuracy + 4, ece=0.3) for row in ROWS]
    means = average([ROWS, other[::-1]])
    assert [row.condition for row in means] == [row.condition for row in ROWS]
    assert [row.accuracy for row in means] == [row.accuracy + 2 for row in ROWS]
    assert {row.ece for row in means} == {0.2}
    assert {(row.images, row.brier) for row in means} == {(100, 0.5)}
