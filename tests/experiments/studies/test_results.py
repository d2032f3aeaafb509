"""Damaged files of one run are named, and the other runs are read."""

import json

import pytest

from mmadf.experiments.studies.plan import Run
from mmadf.experiments.studies.results import read_results
from tests.analysis.test_logs import BY_EPOCH, write

METRIC = 'accuracy/top1'


@pytest.fixture
def runs(tmp_path):
    """Return three finished runs."""
    runs = [Run('a', s, tmp_path / str(s), tmp_path / f'{s}.py') for s in range(3)]
    for run in runs:
        write(run.work_dir, '20260101_000000', BY_EPOCH)
        run.result.write_text(json.dumps({METRIC: 70.0 + run.seed}))
    return runs


def log(run):
    return run.work_dir / '20260101_000000' / 'vis_data' / 'scalars.json'


def garble(run):
    log(run).write_text('garbage\n' + log(run).read_text())


def remove_log(run):
    log(run).unlink()


def empty_result(run):
    run.result.write_text('')


def list_as_result(run):
    run.result.write_text('[70.0]')


def other_metric(run):
    run.result.write_text('{"accuracy/top5": 70.0}')


@pytest.mark.parametrize(
    ('damage', 'words'),
    [
        (garble, 'vis_data/scalars.json, line 1: .garbage'),
        (remove_log, 'contains no training log'),
        (empty_result, 'test.json is not a JSON file .* remove it and repeat'),
        (list_as_result, 'test.json is not a JSON file'),
        (other_metric, 'was not logged in both'),
    ],
)
def test_damaged_run_is_named_and_the_others_are_read(damage, words, runs):
    damage(runs[1])
    results, errors = read_results(runs, METRIC)
    assert [(result.seed, result.test) for result in results] == [(0, 70.0), (2, 72.0)]
    ((run, error),) = errors.items()
    assert run == runs[1]
    with pytest.raises((ValueError, FileNotFoundError), match=f'1/.*{words}|{words}'):
        raise error


def test_without_any_readable_run_the_first_error_is_raised(runs):
    for run in runs:
        empty_result(run)
    with pytest.raises(ValueError, match='0/test.json'):
        read_results(runs, METRIC)
