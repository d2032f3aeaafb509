"""Damaged records are named, and the other ones are read."""

import hashlib
import json
from io import BytesIO

import numpy as np
import pytest
from mmengine.config import Config

from mmadf.experiments.studies import results as module
from mmadf.experiments.studies.records import FIELDS
from mmadf.experiments.studies.results import read_results
from tests.experiments.studies.examples import RESULTS

METRIC = 'accuracy/top1'


def predictions():
    file = BytesIO()
    np.savez(file, **{'label': [0, 1, 1, 0], 'fused/class': [0, 1, 0, 0]})
    return file.getvalue()


PREDICTIONS = predictions()


def record(seed):
    """Return the record of a run with two readouts."""
    known = dict(
        variant='a',
        seed=seed,
        readout='fused',
        metrics={METRIC: 70.0 + seed, f'sum/{METRIC}': 80.0},
        unit='epoch',
        curves={METRIC: [[1, 2], [50.0, 60.0]]},
        seconds=2.5,
        costs=dict(deployed_parameters=10),
        config_hash='ab',
        data=dict(test=dict(images=4, hash='cd'), val=dict(images=4, hash='gh')),
        predictions=hashlib.sha256(PREDICTIONS).hexdigest(),
    )
    return {**dict.fromkeys(FIELDS), **known}


@pytest.fixture
def study(tmp_path):
    """Return a study with three records."""
    for seed in range(3):
        (tmp_path / f'a_seed{seed}.json').write_text(json.dumps(record(seed)))
        (tmp_path / f'a_seed{seed}.npz').write_bytes(PREDICTIONS)
    return Config(
        dict(variants=dict(a={}), seeds=[*range(4)], metric=METRIC, records=tmp_path)
    )


def test_results_are_those_of_the_records(study):
    results, errors = read_results(study)
    assert errors == {}
    assert [(result.seed, result.test) for result in results] == [
        (0, 70.0),
        (1, 71.0),
        (2, 72.0),
    ]
    assert results[0].validation == ([1, 2], [50.0, 60.0])
    assert results[0].readouts == dict(fused=70.0, sum=80.0)
    assert results[0].costs == dict(deployed_parameters=10)
    (correct,) = results[0].correct.values()
    assert correct.tolist() == [True, True, False, True]


def test_result_says_whether_the_test_images_are_held_out(study):
    path = study.records / 'a_seed2.json'
    path.write_text(path.read_text().replace('"gh"', '"cd"'))
    results, _ = read_results(study)
    assert [result.held_out for result in results] == [True, True, False]


def empty(path):
    path.write_text('')


def list_as_record(path):
    path.write_text('[70.0]')


def other_metric(path):
    path.write_text(path.read_text().replace(METRIC, 'accuracy/top5'))


def other_config(path):
    path.write_text(path.read_text().replace('"ab"', '"ef"'))


def other_images(path):
    path.write_text(path.read_text().replace('"cd"', '"ef"'))


def other_predictions(path):
    path.with_suffix('.npz').write_bytes(b'0')


@pytest.mark.parametrize(
    ('damage', 'words'),
    [
        (empty, 'a_seed1.json is damaged: no JSON object; restore it, or remove it'),
        (list_as_record, 'a_seed1.json is damaged'),
        (other_config, 'the config of a is ef, but ab in a_seed0.json; keep'),
        (other_images, 'the test images is ef, but cd in a_seed0.json; keep'),
        (other_predictions, 'a_seed1.npz is not the file that belongs'),
        (other_metric, "a_seed1.json: metric='accuracy/top1' was not logged as a num"),
    ],
)
def test_damaged_record_is_named_and_the_others_are_read(damage, words, study):
    path = study.records / 'a_seed1.json'
    damage(path)
    results, errors = read_results(study)
    assert [result.seed for result in results] == [0, 2]
    ((named, error),) = errors.items()
    assert named == path
    with pytest.raises(ValueError, match=words):
        raise error


def test_without_any_readable_record_the_first_error_is_raised(study):
    for path in study.records.glob('*.json'):
        empty(path)
    with pytest.raises(ValueError, match='a_seed0.json'):
        read_results(study)


def test_images_count_as_correct_for_top_1_accuracy_only(study):
    for path in study.records.glob('*.json'):
        path.write_text(path.read_text().replace(METRIC, 'accuracy/top5'))
    study.metric = 'accuracy/top5'
    results, errors = read_results(study)
    assert errors == {} and [result.test for result in results] == [70.0, 71.0, 72.0]
    assert [result.correct for result in results] == [{}, {}, {}]


def test_one_run_on_the_validation_images_makes_them_those_of_the_table():
    other = RESULTS[1]._replace(held_out=False)
    assert module.tested_split(RESULTS) == 'test'
    assert module.tested_split([RESULTS[0], other]) == 'validation'
