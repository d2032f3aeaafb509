"""Files of a report hold every number."""

import csv
import json

import pytest
from mmengine.config import Config

from mmadf.analysis.tables import write_csv
from mmadf.experiments.reports import (
    read_robustness_report,
    write_robustness_comparison,
    write_robustness_report,
    write_study_report,
)
from mmadf.experiments.studies.summary import summarise
from tests.experiments.robustness.examples import ROWS, row
from tests.experiments.studies.examples import RESULTS


def test_robustness_report_is_read_back(tmp_path):
    text = write_robustness_report(ROWS, dict(seed=3), tmp_path)
    assert read_robustness_report(tmp_path) == (ROWS, dict(seed=3))
    assert json.loads((tmp_path / 'results.json').read_text())['warnings'] == []
    assert (tmp_path / 'table.md').read_text() == text + '\n'
    rows = list(csv.DictReader((tmp_path / 'table.csv').read_text().splitlines()))
    assert [float(row['accuracy']) for row in rows] == [row.accuracy for row in ROWS]


def test_masking_is_judged_by_the_conditions_that_all_seeds_have(tmp_path):
    pytest.importorskip('matplotlib')
    clean, pgd = row('clean', '', 0.0, 90.0), row(accuracy=40.0)
    first = [clean, pgd, row(name='autoattack', accuracy=39.0)]
    second = [clean, pgd._replace(accuracy=60.0)]  # AutoAttack is not done yet
    figure = tmp_path / 'out.png'
    text = write_robustness_comparison(dict(net=[first, second]), figure)
    assert '50.00 ± 14.14' in text and 'masking' not in text
    masked = [*second, row(name='autoattack', accuracy=20.0)]
    text = write_robustness_comparison(dict(net=[first, masked]), figure)
    assert 'net: possible gradient masking: eps 8/255: AutoAttack leaves 29.50' in text


def test_folder_without_results_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=f'--out {tmp_path}'):
        read_robustness_report(tmp_path)


def test_csv_of_a_study_holds_full_numbers_and_empty_fields(tmp_path):
    write_csv(summarise(RESULTS[:2], 'plain'), tmp_path / 'table.csv')
    plain, new = csv.DictReader((tmp_path / 'table.csv').read_text().splitlines())
    assert (plain['difference'], plain['mean']) == ('', '80.0')
    assert (new['difference'], new['low']) == ('1.0', '')
    assert new['deployed_multiply_adds'] == '2250000000'


@pytest.mark.parametrize('held_out', [True, False])
def test_report_of_a_study_says_if_its_images_selected_the_checkpoints(
    tmp_path, held_out
):
    pytest.importorskip('scipy')
    study = Config(
        dict(records=str(tmp_path), metric='accuracy/top1', control='plain', suffix='')
    )
    results = [result._replace(held_out=held_out) for result in RESULTS]
    text = write_study_report(study, results)
    assert (tmp_path / 'table.md').read_text() == text + '\n'
    sentence = 'The results are of the validation images, which also selected the'
    assert (sentence in text) == (not held_out)
    heading = '| {} accuracy/top1, mean ± std |'
    assert text.count(heading.format('test')) == (2 if held_out else 0)
    assert text.count(heading.format('validation')) == (0 if held_out else 2)
