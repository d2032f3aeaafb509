import csv
import fcntl
import os
import re

import pytest
import torch

from mmadf.experiments.studies import load_study, run_all, write_runs
from mmadf.experiments.studies.devices import Devices, visible_gpus
from mmadf.experiments.studies.jobs import trained_part


def see_gpus(monkeypatch, count, named=None):
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: count)
    monkeypatch.delenv('CUDA_VISIBLE_DEVICES', raising=False)
    if named is not None:
        monkeypatch.setenv('CUDA_VISIBLE_DEVICES', named)


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
    assert sum_test[1][-2:] == ['--cfg-options', 'test_cfg.type=mmadf.ReadoutsTestLoop']


def test_killed_run_is_reported_and_resumed_later_and_the_rest_goes_on(
    study, out, calls, monkeypatch
):
    monkeypatch.setenv('KILLED', 'sum_seed0')
    code, printed, errors = study()
    assert code == 1
    assert 'sum/seed0: train.py ended with -9' in errors
    assert 'fused/seed0: finished' in printed
    rows = (out / 'runs.csv').read_text().splitlines()
    assert [row['variant'] for row in csv.DictReader(rows)] == ['fused']

    monkeypatch.delenv('KILLED')
    assert study()[0] == 0
    again = [run for run, _, _ in calls('train')]
    assert again == ['sum_seed0', 'fused_seed0', 'sum_seed0']
    assert '--resume' in calls('train')[-1][1]
    assert len((out / 'runs.csv').read_text().splitlines()) == 3


def test_run_of_another_process_is_left_to_it(study_file, scripts, calls):
    first, second = write_runs(load_study(study_file))
    with open(first.work_dir / 'lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        failures = run_all([first, second], scripts, 1)
    assert failures == {first: 'another process works on it'}
    assert [run for run, _, _ in calls('train')] == ['fused_seed0']


def test_report_alone_trains_nothing(study, calls):
    code, printed, _ = study('--report-only')
    assert code == 0
    assert 'no finished runs' in printed
    assert not calls('train')


@pytest.mark.parametrize(
    ('count', 'named', 'expected'),
    [
        (0, None, []),
        (2, None, ['0', '1']),
        (2, '5, 7', ['5', '7']),
        (0, '', []),
        (1, '3,-1,4', ['3']),
    ],
)
def test_visible_gpus_are_those_that_torch_counts(count, named, expected, monkeypatch):
    see_gpus(monkeypatch, count, named)
    assert visible_gpus() == expected


def test_processes_take_the_gpus_in_turn(monkeypatch):
    see_gpus(monkeypatch, 2, '5,7')
    devices = Devices(3)
    with devices.one() as a, devices.one() as b, devices.one() as c:
        seen = [environment['CUDA_VISIBLE_DEVICES'] for environment in (a, b, c)]
        assert seen == ['5', '7', '5']
        assert a['PATH'] == os.environ['PATH']
    with devices.one() as again:
        assert again['CUDA_VISIBLE_DEVICES'] == '5'


def test_environment_is_left_alone_without_gpus(monkeypatch):
    see_gpus(monkeypatch, 0, '')
    with Devices(1).one() as environment:
        assert environment == dict(os.environ)


def test_every_gpu_has_a_run_unless_jobs_says_otherwise(study, calls, monkeypatch):
    see_gpus(monkeypatch, 2, '5,7')
    study()
    assert sorted(gpu for _, _, gpu in calls('train')) == ['5', '7']


def test_failed_test_leaves_the_run_unfinished(study_file, scripts, calls):
    (scripts / 'test.py').write_text('raise SystemExit("no such data")')
    runs = write_runs(load_study(study_file))
    failures = run_all(runs, scripts, 2)
    assert set(failures) == set(runs)
    assert all('test.py ended with 1: no such data' in f for f in failures.values())
    assert not any(run.result.exists() for run in runs)


def test_progress_is_what_the_log_shows_also_while_it_is_written(study_file):
    run = write_runs(load_study(study_file))[0]
    assert trained_part(run) == 0
    log = run.work_dir / 'first' / 'vis_data' / 'scalars.json'
    log.parent.mkdir(parents=True)
    log.write_text('{"loss": 1.0, "step": 4}\n{"accuracy/top1": 50.0, "step": 1}\n')
    assert trained_part(run) == 0.5
    log.write_text(log.read_text() + '{"loss": 1.')
    assert trained_part(run) == 0.5


def test_no_jobs_are_refused(scripts):
    with pytest.raises(ValueError, match='jobs=0 must be positive'):
        run_all([], scripts, 0)
