"""A record holds what a run has shown, and replaces the run."""

import json
import shutil
from threading import Event

import numpy as np
import pytest

from mmadf.experiments.studies.jobs import run_all
from mmadf.experiments.studies.load import load_study
from mmadf.experiments.studies.plan import write_runs
from mmadf.experiments.studies.records import (
    code_version,
    is_recorded,
    note_version,
    read_predictions,
    read_record,
    write_record,
)
from mmadf.experiments.studies.run import Run
from mmadf.experiments.studies.worker import RunError, Worker
from mmadf.version import __version__
from tests.analysis.test_logs import BY_EPOCH, write

RESULT = dict(
    readout='semantic',
    metrics={'accuracy/top1': 75.0, 'sum/accuracy/top1': 80.0},
    costs=dict(deployed_parameters=10),
    date='2026-01-01',
    environment=dict(device='cpu'),
)


SETTINGS = dict(seed=0, config_hash='ab', data={}, config=dict(lr=0.1))


@pytest.fixture
def run(tmp_path):
    """Return a run that has been trained and tested."""
    folder = tmp_path / 'sum' / 'seed0'
    run = Run('sum', 0, folder, tmp_path / 'c.py', tmp_path / 'sum_seed0.json')
    run.settings.write_text(json.dumps(SETTINGS))
    finish(run)
    return run


def finish(run):
    """Write what training and test leave, and the record."""
    write(run.work_dir, '20260101_000000', BY_EPOCH)
    run.result.parent.mkdir()
    run.result.write_text(json.dumps(RESULT))
    np.savez(run.result.with_name('predictions.npz'), label=[0, 1])
    note_version(run)
    write_record(run)


def test_record_holds_settings_curves_metrics_and_predictions(run):
    note_version(run)  # of a resumed run
    write_record(run)
    record = read_record(run.record)
    assert {name: record[name] for name in RESULT} == RESULT
    assert {name: record[name] for name in SETTINGS} == SETTINGS
    assert (record['variant'], record['seed']) == ('sum', 0)
    assert record['versions'] == [code_version()]
    assert record['versions'][0].startswith(__version__)
    logged = [r for r in BY_EPOCH if 'accuracy/top1' in r]
    steps = [r['step'] for r in logged]
    values = [r['accuracy/top1'] for r in logged]
    assert record['unit'] == 'epoch'
    assert record['curves'] == {'accuracy/top1': [steps, values]}
    assert read_predictions(run.record, record)['label'].tolist() == [0, 1]
    assert len(run.record.read_text().splitlines()) == len(record) + 2


def test_predictions_are_written_before_the_record_which_ends_the_run(run, monkeypatch):
    written = []
    monkeypatch.setattr(
        'mmadf.experiments.studies.records.atomic_write',
        lambda path, content: written.append(path.suffix),
    )
    write_record(run)
    assert written == ['.npz', '.json']


def empty(path):
    path.write_text('')


def shorten(path):
    record = json.loads(path.read_text())
    del record['costs']
    path.write_text(json.dumps(record))


@pytest.mark.parametrize(
    ('damage', 'message'),
    [
        (empty, 'sum_seed0.json is damaged: no JSON object; restore it, or remove it'),
        (shorten, r"sum_seed0.json lacks the fields \['costs'\] of a record; restore"),
    ],
)
def test_damaged_record_is_refused(damage, message, run):
    assert is_recorded(run, SETTINGS)
    damage(run.record)
    with pytest.raises(ValueError, match=message):
        is_recorded(run, SETTINGS)


def test_missing_or_foreign_predictions_are_refused(run):
    record, path = read_record(run.record), run.record.with_suffix('.npz')
    np.savez(path, label=[1, 1])
    with pytest.raises(ValueError, match='sum_seed0.npz is not the file that belongs'):
        read_predictions(run.record, record)
    path.unlink()
    with pytest.raises(FileNotFoundError, match='sum_seed0.npz is missing'):
        read_predictions(run.record, record)


@pytest.fixture
def elsewhere(study_file, image_folder, out, tmp_path):
    """Move the images, and copy the records alone to the folder of another machine."""

    def _move():
        moved = image_folder.rename(tmp_path / 'moved')
        (tmp_path / 'there').mkdir()
        for path in [*out.glob('*_seed*.json'), *out.glob('*_seed*.npz')]:
            shutil.copy(path, tmp_path / 'there')
        shutil.rmtree(out)
        options = f'data.root={moved}', f'records={tmp_path / "there"}'
        return '--cfg-options', *options

    return _move


@pytest.mark.slow
def test_records_replace_runs_on_another_machine_and_suffice_for_the_report(
    study, calls, elsewhere, tmp_path
):
    _, expected, _ = study()
    options = elsewhere()
    assert len(calls('train')) == len(calls('test')) == 2
    code, printed, _ = study(*options)
    assert code == 0
    assert len(calls('train')) == 2
    table = expected[expected.index('| variant') : expected.index('\n\nWritten')]
    assert table in printed

    shutil.rmtree(tmp_path / 'moved')
    shutil.rmtree(tmp_path / 'out')
    (tmp_path / 'there' / 'table.md').unlink()
    assert study('--report-only', *options) == (0, printed, '')
    assert (tmp_path / 'there' / 'table.md').read_text() == f'{table}\n'
    assert not (tmp_path / 'out').exists()


def test_record_of_other_settings_or_images_is_refused(study_file, image_folder, out):
    """A work directory of its own, as on another machine."""

    def _write(folder, options=None):
        fields = dict(work_dir=str(out / folder), records=str(out / 'records'))
        fields['variants.sum'] = None
        return write_runs(load_study(study_file, {**fields, **(options or {})}))[0]

    run = _write('one')
    finish(run)
    assert _write('two').record == run.record
    with pytest.raises(
        ValueError, match=r"fused_seed0.json is .* in \['config_hash'\]"
    ):
        _write('three', {'options.train_cfg.max_epochs': 3})
    with open(image_folder / 'val' / 'dark' / '000.png', 'ab') as file:
        file.write(b'0')
    with pytest.raises(ValueError, match=r"in \['data'\]; .* records=DIR"):
        _write('four')


def test_damaged_log_keeps_the_test_and_names_the_file(scripts, calls, run):
    run.record.unlink()
    (log,) = run.work_dir.glob('*/vis_data/scalars.json')
    text = log.read_text()
    log.write_text('garbage\n' + text)
    (error,) = run_all([run], scripts, 1).values()
    assert isinstance(error, RunError) and 'scalars.json, line 1' in str(error)
    assert not run.record.exists()
    log.write_text(text)
    assert run_all([run], scripts, 1) == {}
    assert run.record.exists() and not calls('train') and not calls('test')


def test_records_of_a_study_of_the_checkout_are_beside_its_documentation(
    study_file, tmp_path, out
):
    assert load_study(study_file).records == str(out)
    folder = tmp_path / 'configs' / 'studies'
    folder.mkdir(parents=True)
    (tmp_path / 'docs').mkdir()
    path = shutil.copy(study_file, folder / 'my.py')
    shutil.copy(tmp_path / 'job.py', folder)
    assert load_study(path).records == str(tmp_path / 'docs' / 'results' / 'my')


def test_recorded_run_is_left_alone(scripts, calls, run, capsys):
    run.result.unlink()
    Worker(scripts, {}, Event()).finish(run)
    assert run_all([run], scripts, 1) == {}
    assert not calls('train') and 'finished' not in capsys.readouterr().out
    assert not calls('train') and not calls('test')
