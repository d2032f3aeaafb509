"""A small study, run from start to end."""

import csv
import json
import re
import shutil

import pytest

pytestmark = pytest.mark.slow


def validation(work_dir):
    (log,) = work_dir.glob('*/vis_data/scalars.json')
    records = [json.loads(line) for line in log.read_text().splitlines()]
    return {r['step']: r['accuracy/top1'] for r in records if 'accuracy/top1' in r}


def record(out):
    content = json.loads((out / 'sum_seed0.json').read_text())
    return {name: content[name] for name in ('data', 'curves', 'predictions')}


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


def test_run_that_has_been_moved_with_its_data_is_resumed(
    study_file, out, start, tmp_path, image_folder
):
    text = study_file.read_text().replace("'fused': dict(config='job.py'),", '')
    text = text.replace("control = 'fused'", "control = 'sum'")
    study_file.write_text(text)
    start()
    expected, run = record(out), out / 'sum' / 'seed0'
    for path in (*run.glob('*epoch_2.pth'), *out.glob('sum_seed0.*')):
        path.unlink()
    shutil.rmtree(run / 'test')
    (run / 'last_checkpoint').write_text(str(run / 'epoch_1.pth'))
    shutil.move(out, tmp_path / 'moved')
    shutil.move(image_folder, tmp_path / 'elsewhere')
    places = f'work_dir={tmp_path / "moved"}', f'data.root={tmp_path / "elsewhere"}'
    code, _, _ = start('--cfg-options', *places)
    log = (tmp_path / 'moved' / 'sum' / 'seed0' / 'train.log').read_text()
    assert code == 0 and 'seed0/epoch_1.pth' in log.split('Load checkpoint from')[-1]
    assert record(tmp_path / 'moved') == expected
