"""Records that survive a crash, and what becomes of them."""

import json
import sys

import pytest
import torch

from mmadf.experiments.robustness import (
    Condition,
    Records,
    Row,
    draw,
    markdown,
    masking_warnings,
    plan_conditions,
    read_results,
    summarise,
    write_results,
)
from mmadf.experiments.robustness.picture import curves
from mmadf.experiments.robustness.records import Outcome
from mmadf.experiments.robustness.summary import calibration_error
from mmadf.experiments.robustness.table import compare

CLEAN = Condition('clean')
FOG = Condition('corruption', 'fog', 2.0)


def row(kind='attack', name='pgd', strength=8.0, accuracy=50.0, **changes):
    cells = dict(images=100, ece=0.1, brier=0.5, seconds=1.0, **changes)
    return Row(kind, name, strength, accuracy=accuracy, **cells)


def test_calibration_error_equals_a_loop_over_bins():
    pytest.importorskip('torchmetrics')
    confidence = torch.rand(200, dtype=torch.float64)
    correct = (torch.rand(200) < confidence).int()
    expected = 0
    for k in range(15):
        inside = (confidence >= k / 15) & (confidence < (k + 1) / 15)
        if inside.any():
            gap = correct[inside].double().mean() - confidence[inside].mean()
            expected += inside.double().mean() * gap.abs()
    found = calibration_error(confidence.tolist(), correct.tolist())
    assert found == pytest.approx(float(expected), abs=1e-9)


def test_certainty_is_worth_its_mistakes():
    pytest.importorskip('torchmetrics')
    assert calibration_error([1.0] * 4, [1, 1, 1, 0]) == pytest.approx(0.25)
    assert calibration_error([1.0 + 1e-7, 1.0], [1, 1]) == pytest.approx(0)


def test_missing_torchmetrics_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, 'torchmetrics.functional.classification', None)
    with pytest.raises(ImportError, match='pip install torchmetrics'):
        calibration_error([0.5], [1])


def outcome(*correct, confidence=0.75, brier=0.25):
    count = len(correct)
    return Outcome(list(correct), [confidence] * count, [brier] * count, 2.0)


def test_a_condition_counts_all_its_batches_once_they_are_all_there(tmp_path):
    pytest.importorskip('torchmetrics')
    records = Records(tmp_path, {})
    records.add(CLEAN.key, 1, outcome(1, brier=1.0))
    assert summarise(records, images=4) == []
    records.add(CLEAN.key, 0, outcome(1, 0, 1))
    (found,) = summarise(records, images=4)
    assert found[:5] == ('clean', '', 0.0, 4, 75.0)
    assert found.ece == pytest.approx(0)
    assert (found.brier, found.seconds) == (1.75 / 4, 4.0)


def test_rows_are_in_order_whatever_was_tested_first(tmp_path):
    pytest.importorskip('torchmetrics')
    records = Records(tmp_path, {})
    plan = plan_conditions(['pgd', 'fgsm'], [10, 0.5], ['fgsm'], ['fog'], [5, 1])
    for condition in reversed(plan[1:]):
        records.add(condition.key, 0, outcome(1))
    records.add(CLEAN.key, 0, outcome(1))
    assert [row[:3] for row in summarise(records, images=1)] == [
        ('clean', '', 0),
        *[('attack', name, eps) for name in ('fgsm', 'pgd') for eps in (0.5, 10)],
        *[('transfer', 'fgsm', eps) for eps in (0.5, 10)],
        *[('corruption', 'fog', severity) for severity in (1, 5)],
    ]


def test_records_are_read_again_without_the_torn_line(tmp_path):
    records = Records(tmp_path, dict(seed=1))
    records.add(FOG.key, 0, outcome(1, 0))
    with open(tmp_path / 'records.jsonl', 'a') as file:
        file.write('{"condition": "corruption/fog/2", "ba')
    again = Records(tmp_path, dict(seed=1))
    assert again.done(FOG.key, 0) and not again.done(FOG.key, 1)
    again.add(FOG.key, 1, outcome(1))
    assert Records(tmp_path, dict(seed=1)).of(FOG.key) == [outcome(1, 0), outcome(1)]


def test_other_settings_need_another_folder(tmp_path):
    Records(tmp_path, dict(seed=1, images=10))
    with pytest.raises(
        ValueError, match=r"other settings: {'seed': 1}, now {'seed': 2"
    ):
        Records(tmp_path, dict(seed=2, images=10))


def test_a_plan_has_every_attack_at_every_eps_and_keys_of_their_own():
    plan = plan_conditions(['fgsm', 'pgd'], [1, 0.5], ['pgd'], ['fog'], [1, 5])
    assert [condition.key for condition in plan] == [
        'clean//0',
        *('attack/fgsm/1', 'attack/fgsm/0.5', 'attack/pgd/1', 'attack/pgd/0.5'),
        *('transfer/pgd/1', 'transfer/pgd/0.5'),
        *('corruption/fog/1', 'corruption/fog/5'),
    ]


def white(**accuracies):
    return [row(name=name, accuracy=a) for name, a in accuracies.items()]


@pytest.mark.parametrize(
    ('rows', 'sign'),
    [
        (white(fgsm=40.0, pgd=42.1), 'one step does more than many'),
        (white(fgsm=60.1, bim=40.0, pgd=45.0), 'FGSM alone says little'),
        (white(pgd=45.1, autoattack=40.0), 'PGD fails where other'),
        (
            [*white(pgd=50.0, autoattack=45.0), row('transfer', 'bim', accuracy=47.9)],
            'BIM made on another network leaves 47.90 %, PGD on this one 50.00 %',
        ),
        (
            [row(strength=128.0, accuracy=1.1)],
            '1.10 % where pixels are free',
        ),
    ],
)
def test_a_sign_of_masked_gradients_is_told(rows, sign):
    (found,) = masking_warnings(rows)
    assert f'eps {rows[0].strength:g}/255: ' in found and sign in found
    assert sign in markdown([row('clean', '', 0.0), *rows], {})


@pytest.mark.parametrize(
    'rows',
    [
        white(fgsm=40.0, pgd=42.0),
        white(fgsm=60.0, bim=40.0, pgd=45.0),
        white(pgd=45.0, autoattack=40.0),
        white(fgsm=90.0),
        [row(), row('transfer', 'bim', accuracy=48.0)],
        [row('transfer', 'bim', accuracy=48.0)],
        [row(name='autoattack', accuracy=90.0), row('transfer', 'bim', accuracy=48.0)],
        [row(strength=128.0, accuracy=1.0), row(name='fgsm', strength=128.0)],
        [row(strength=127.0, accuracy=30.0)],
        [row(), row('transfer', 'pgd', strength=16.0, accuracy=1.0)],
    ],
)
def test_what_is_usual_is_not_told(rows):
    assert masking_warnings(rows) == []


def rows_of_all_kinds():
    return [
        row('clean', '', 0.0, 80.0),
        row(name='fgsm', strength=1.0, accuracy=60.0),
        row(strength=1.0, accuracy=55.0),
        row(strength=8.0, accuracy=5.0),
        row('transfer', 'fgsm', 8.0, 40.0),
        row('corruption', 'fog', 1.0, 70.0),
        row('corruption', 'snow', 1.0, 60.0),
        row('corruption', 'fog', 2.0, 50.0),
    ]


def test_markdown_has_a_column_each_eps_and_severity_and_says_what_is_open():
    table = markdown(rows_of_all_kinds(), dict(images=100, device='cpu'))
    assert table.startswith('images 100, device cpu\n')
    for line in (
        '| clean | 80.00 | 0.100 | 0.500 | 1 |',
        '| corrupted, severity 1 | 65.00 | 0.100 | 0.500 | 2 |',
        '| attack: top-1 (%) at eps | 1/255 | 8/255 | seconds |',
        '| fgsm | 60.00 | – | 1 |',
        '| pgd | 55.00 | 5.00 | 2 |',
        '| fgsm | 40.00 | 1 |',
        '| fog | 70.00 | 50.00 | 2 |',
        '| mean | 65.00 | – |  |',
    ):
        assert line in table.splitlines()


def test_networks_are_compared_where_both_were_tested():
    other = [row('clean', '', 0.0, 70.0), row(strength=8.0, accuracy=15.0)]
    other += [row('corruption', 'fog', 1.0, 30.0), row('corruption', 'fog', 3.0, 0.0)]
    assert compare(dict(a=rows_of_all_kinds(), b=other)).splitlines() == [
        '| top-1 (%) | a | b |',
        '| --- | --- | --- |',
        '| clean | 80.00 | 70.00 |',
        '| pgd, eps 8/255 | 5.00 | 15.00 |',
        '| corrupted, mean | 70.00 | 30.00 |',
        '| ece, clean | 0.100 | 0.100 |',
        '| brier, clean | 0.500 | 0.500 |',
    ]


def test_json_holds_every_number(tmp_path):
    rows = rows_of_all_kinds()
    write_results(rows, dict(seed=3), tmp_path / 'results.json')
    assert read_results(tmp_path / 'results.json') == (rows, dict(seed=3))
    assert json.loads((tmp_path / 'results.json').read_text())['warnings'] == []


def test_curves_start_clean_and_mean_only_whole_severities():
    rows = rows_of_all_kinds()
    assert curves(rows, 'attack') == dict(
        fgsm=([0, 1], [80, 60]), pgd=([0, 1, 8], [80, 55, 5])
    )
    assert curves(rows, 'corruption') == dict(mean=([0, 1], [80, 65]))


@pytest.mark.parametrize(
    ('networks', 'legend'),
    [
        ('a', ['fgsm', 'pgd']),
        ('ab', ['a', 'b', 'fgsm', 'pgd']),
    ],
)
def test_a_picture_has_a_panel_for_each_kind(networks, legend, tmp_path, monkeypatch):
    pyplot = pytest.importorskip('matplotlib.pyplot')
    monkeypatch.setattr(pyplot, 'close', lambda figure: None)
    path = tmp_path / 'new' / 'picture.png'
    draw({name: rows_of_all_kinds() for name in networks}, path)
    assert path.read_bytes().startswith(b'\x89PNG')
    panels = pyplot.gcf().axes
    assert [panel.get_title() for panel in panels] == [
        'attacked',
        'attack of another network',
        'corrupted',
    ]
    texts = [text.get_text() for text in panels[0].get_legend().get_texts()]
    assert texts == legend
    drawn = [line.get_xydata().tolist() for line in panels[0].lines]
    assert [[0, 80], [1, 55], [2, 5]] in drawn  # pgd at 0, 1 and 8, evenly spaced
    assert drawn.count([[0, 80], [1, 60]]) == len(networks)
    monkeypatch.undo()
    pyplot.close('all')
