"""A small study, run from start to end."""

import csv
import json
import re

import pytest

pytestmark = pytest.mark.slow


def validation(work_dir):
    (log,) = work_dir.glob('*/vis_data/scalars.json')
    records = [json.loads(line) for line in log.read_text().splitlines()]
    return {r['step']: r['accuracy/top1'] for r in records if 'accuracy/top1' in r}


def rows(out, name):
    return list(csv.DictReader((out / f'{name}.csv').read_text().splitlines()))


def test_report_holds_what_training_and_test_logged(study_file, out, start):
    text = study_file.read_text().replace("'fused': dict(config='job.py'),", '')
    study_file.write_text(text.replace("control = 'fused'", "control = 'sum'"))
    _, printed, _ = start()
    (row,), (run,), readouts = map(rows, [out] * 3, ('table', 'runs', 'readouts'))
    tested = json.loads((out / 'sum_seed0.json').read_text())['metrics']
    assert float(row['mean']) == float(run['test']) == tested.pop('accuracy/top1')
    shown = {row['readout']: float(row['mean']) for row in readouts}
    assert shown.pop('sum') == float(row['mean'])
    assert {f'{name}/accuracy/top1': v for name, v in shown.items()} == tested
    curve = validation(out / 'sum' / 'seed0')
    assert set(curve) == {1, 2}
    assert float(run['best_validation']) == max(curve.values())
    assert (out / 'table.md').read_text().strip() in printed
    for picture in ('curves', 'cost'):
        assert (out / f'{picture}.png').read_bytes().startswith(b'\x89PNG')

    log = (out / 'sum' / 'seed0' / 'test.log').read_text()
    best = re.search(r'Load checkpoint from (\S+)', log).group(1)
    assert best.endswith(f'best_accuracy_top1_epoch_{max(curve, key=curve.get)}.pth')
