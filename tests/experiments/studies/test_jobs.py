"""The local queue: which processes run, with which GPU, and what failures leave."""

import csv
import os
import re
import threading

import pytest
import torch

from mmadf.experiments.studies.jobs import (
    ProgressBar,
    job_environments,
    progress_of,
    run_all,
    visible_gpus,
)
from mmadf.experiments.studies.worker import RunError, Worker


def see_gpus(monkeypatch, count, named=None):
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: count)
    monkeypatch.delenv('CUDA_VISIBLE_DEVICES', raising=False)
    if named is not None:
        monkeypatch.setenv('CUDA_VISIBLE_DEVICES', named)


@pytest.mark.slow
def test_run_is_trained_then_tested_in_all_readouts_with_its_best_checkpoint(
    study, out, calls
):
    code, _, errors = study()
    assert code == 0
    assert re.search(r'2.0 of 2 runs \[00:\d\d<00:00', errors)  # time left
    (sum_train, _), (sum_test, _) = calls('train'), calls('test')
    config, folder = out / 'configs' / 'sum_seed0.py', out / 'sum' / 'seed0'
    assert sum_train[1] == [str(config), '--work-dir', str(folder), '--resume']
    assert sum_test[1][:2] == [
        str(config),
        str(folder / 'best_accuracy_top1_epoch_1.pth'),
    ]
    loop = 'test_cfg.type=mmadf.experiments.studies.testing.RecordingTestLoop'
    options = ['--work-dir', str(folder / 'test'), '--cfg-options', loop]
    assert sum_test[1][2:] == options


@pytest.mark.slow
def test_killed_run_is_reported_and_resumed_later_and_the_rest_goes_on(
    study, out, calls, monkeypatch
):
    monkeypatch.setenv('KILLED', 'sum_seed0')
    code, printed, errors = study()
    assert code == 1
    assert 'sum/seed0: train.py exited with code -9' in errors
    assert 'fused/seed0: finished' in printed
    rows = (out / 'runs.csv').read_text().splitlines()
    assert [row['variant'] for row in csv.DictReader(rows)] == ['fused']

    monkeypatch.delenv('KILLED')
    assert study()[0] == 0
    again = [run for run, _, _ in calls('train')]
    assert again == ['sum_seed0', 'fused_seed0', 'sum_seed0']
    assert '--resume' in calls('train')[-1][1]
    assert len((out / 'runs.csv').read_text().splitlines()) == 3


def test_processes_inherit_the_lock_of_the_study(study, scripts, out):
    (scripts / 'train.py').write_text(
        'import os\n'
        "folder = '/proc/self/fd'\n"
        'files = [os.path.realpath(f"{folder}/{fd}") for fd in os.listdir(folder)]\n'
        "raise SystemExit(' '.join(files))\n"
    )
    code, _, errors = study()
    assert code == 1
    assert str(out / '.trainings.lock') in errors
    assert str(out / '.study.lock') not in errors


def test_stopped_worker_terminates_its_process_and_starts_no_other(
    runs, scripts, monkeypatch
):
    (scripts / 'train.py').write_text('import time; time.sleep(600)')
    monkeypatch.setattr('mmadf.experiments.studies.worker.POLL_SECONDS', 0.1)
    first, second = runs
    stop = threading.Event()
    worker = Worker(scripts, dict(os.environ), stop)
    threading.Timer(0.3, stop.set).start()
    with pytest.raises(RunError, match=r'train.py exited with code -15'):
        worker.finish(first)
    with pytest.raises(RunError, match='stopped'):
        worker.finish(second)


def test_interrupted_queue_terminates_its_processes(runs, scripts, monkeypatch):
    def _interrupt(*_):
        raise KeyboardInterrupt

    (scripts / 'train.py').write_text('import time; time.sleep(600)')
    for module in ('jobs', 'worker'):
        monkeypatch.setattr(f'mmadf.experiments.studies.{module}.POLL_SECONDS', 0.1)
    monkeypatch.setattr(ProgressBar, 'update', _interrupt)
    with pytest.raises(KeyboardInterrupt):
        run_all(runs, scripts, 1)


def test_interrupted_study_says_how_to_resume(study, scripts, out, monkeypatch):
    def _interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(ProgressBar, 'update', _interrupt)
    code, _, errors = study()
    assert code == 130
    assert errors.splitlines()[-1] == (
        f'Interrupted; repeat the command to resume {out}'
    )
    assert 'Traceback' not in errors


def test_training_without_a_best_checkpoint_is_an_error(runs, scripts):
    (scripts / 'train.py').write_text('')
    with pytest.raises(RunError, match='save_best.*if the file has been removed'):
        Worker(scripts, dict(os.environ), threading.Event()).finish(runs[0])


@pytest.mark.slow
def test_bug_keeps_its_traceback_after_the_report_of_the_other_runs(
    study, out, calls, monkeypatch
):
    monkeypatch.setattr(
        'mmadf.experiments.studies.worker.best_checkpoint',
        lambda folder: 1 / 0 if 'fused' in str(folder) else 'best.pth',
    )
    with pytest.raises(ZeroDivisionError):
        study()
    assert len(calls('train')) == 2
    assert len((out / 'runs.csv').read_text().splitlines()) == 2


def test_report_alone_trains_nothing(study, calls):
    code, printed, _ = study('--report-only')
    assert code == 0
    assert 'No run is recorded in ' in printed and 'Written' not in printed
    assert not calls('train')


def test_visible_gpus_are_those_that_torch_counts(monkeypatch):
    for count, named, expected in (
        (0, None, []),
        (2, None, ['0', '1']),
        (2, '5, 7', ['5', '7']),
        (0, '', []),
        (1, '3,-1,4', ['3']),
    ):
        see_gpus(monkeypatch, count, named)
        assert visible_gpus() == expected, (count, named)


def test_jobs_take_the_gpus_in_turn(monkeypatch):
    see_gpus(monkeypatch, 2, '5,7')
    environments = job_environments(3)
    assert [e['CUDA_VISIBLE_DEVICES'] for e in environments] == ['5', '7', '5']
    assert all(e['PATH'] == os.environ['PATH'] for e in environments)


def test_environment_is_unchanged_without_gpus(monkeypatch):
    see_gpus(monkeypatch, 0, '')
    assert job_environments(1) == [dict(os.environ)]


@pytest.mark.slow
def test_every_gpu_has_a_run_unless_jobs_says_otherwise(study, calls, monkeypatch):
    see_gpus(monkeypatch, 2, '5,7')
    study()
    assert sorted(gpu for _, _, gpu in calls('train')) == ['5', '7']


def test_failed_test_leaves_the_run_unfinished(runs, scripts, calls):
    (scripts / 'test.py').write_text('raise SystemExit("no such data")')
    errors = run_all(runs, scripts, 1)
    assert set(errors) == set(runs)
    assert all('code 1: no such data' in str(error) for error in errors.values())
    assert not any(run.record.exists() for run in runs)


@pytest.mark.parametrize(
    ('loop', 'expected'),
    [
        (dict(by_epoch=True, max_epochs=2), 1 / 2),
        (dict(type='EpochBasedTrainLoop', max_epochs=2), 1 / 2),
        (dict(by_epoch=False, max_iters=16), 4 / 16),
    ],
)
def test_progress_is_that_of_the_log_also_while_it_is_written(loop, expected, runs):
    run = runs[0]
    run.config.write_text(f'train_cfg = {loop}')
    assert progress_of(run) == 0
    log = run.work_dir / 'first' / 'vis_data' / 'scalars.json'
    log.parent.mkdir(parents=True)
    log.write_text('{"loss": 1.0, "step": 4}\n{"accuracy/top1": 50.0, "step": 1}\n')
    assert progress_of(run) == expected
    log.write_text(log.read_text() + '{"loss": 1.')
    assert progress_of(run) == expected
    run.record.touch()
    assert progress_of(run) == 1


def test_no_jobs_are_refused(study):
    code, _, errors = study('--jobs', 0)
    assert code == 2 and '--jobs 0 must be positive' in errors
