"""The committed tables of studies are those of their records."""

import json
import re
import shutil
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest

from tests.conftest import ROOT
from tests.pictures import assert_same_picture

OWN = Path(__file__).parent / 'recorded'
# By folder of records: the study.
STUDIES = {OWN: OWN / 'study.py'} | {
    folder: ROOT / 'configs' / 'studies' / f'{folder.name}.py'
    for folder in (ROOT / 'docs' / 'results').iterdir()
    if any(folder.glob('*_seed*.json'))
}


@pytest.mark.slow
@pytest.mark.parametrize('folder', STUDIES, ids=lambda folder: folder.name)
def test_tables_and_figures_are_made_from_the_records_alone(folder, start, tmp_path):
    pytest.importorskip('scipy')
    for path in folder.glob('*_seed*'):
        shutil.copy(path, tmp_path)
    fields = f'records={tmp_path}', f'work_dir={tmp_path}'
    options = '--report-only', '--cfg-options', *fields
    for table in folder.glob('table*.md'):  # table_to_NAME.md has another control
        name = table.stem.partition('_to_')[2]
        control = [f'control={name}'] if name else []
        code, _, errors = start(*options, *control, study=STUDIES[folder])
        assert (code, errors) == (0, '')
        assert (tmp_path / table.name).read_text() == table.read_text()
    for path in folder.glob('*.csv'):
        assert (tmp_path / path.name).read_text() == path.read_text()
    figures = {'curves.png', 'cost.png'}
    for name in figures:
        assert (tmp_path / name).stat().st_size > 1000
    assert {path.name for path in folder.glob('*.png')} == (
        set() if folder == OWN else figures
    )
    for path in folder.glob('*.png'):
        assert_same_picture(tmp_path / path.name, path)


def test_comparison_with_another_control_has_tables_of_its_own(start, tmp_path):
    pytest.importorskip('scipy')
    for path in OWN.glob('*_seed*'):
        shutil.copy(path, tmp_path)
    fields = f'records={tmp_path}', f'work_dir={tmp_path}', 'control=two'
    start('--report-only', '--cfg-options', *fields, study=STUDIES[OWN])
    assert (
        '| plain | 5 | 51.00 ± 5.08 | -20.33'
        in (tmp_path / 'table_to_two.md').read_text()
    )
    tables = {path.name for path in tmp_path.glob('*.csv')}
    assert tables == {'table_to_two.csv', 'readouts_to_two.csv', 'runs.csv'}
    assert not (tmp_path / 'table.md').exists()


def test_page_of_the_records_counts_them_and_their_hours():
    page = (ROOT / 'docs' / 'results' / 'README.md').read_text()
    row = re.compile(
        r'^\| `(\w+)`, (\d+) \w+, (\d+) seeds? \| (all|\d+ runs) \| ([\d.]+) \|', re.M
    )
    listed, found, known = {}, {}, set()
    for name, networks, seeds, recorded, hours in row.findall(page):
        complete = int(networks) * int(seeds)
        count = complete if recorded == 'all' else int(recorded.split()[0])
        listed[name] = count, hours
    for folder in sorted(STUDIES):
        if folder != OWN:
            files = [path.read_bytes() for path in folder.glob('*_seed*.json')]
            # A copy is of another study, whose name is shorter.
            new = [content for content in files if content not in known]
            known.update(new)
            seconds = sum(json.loads(content)['seconds'] for content in new)
            found[folder.name] = len(files), f'{seconds / 3600:.1f}'
    assert listed == found


def test_page_of_the_records_says_which_studies_have_not_converged():
    page = (ROOT / 'docs' / 'results' / 'README.md').read_text()
    row = re.compile(r'^\| `(\w+)`, .* \| `(\S+)` \| (\S+) \|$', re.M)
    changes = {}
    for name, control, change in row.findall(page):
        curves = [
            json.loads(path.read_text())['curves']['accuracy/top1']
            for path in (ROOT / 'docs' / 'results' / name).glob(f'{control}_seed*.json')
        ]
        late = [
            values[-1] - np.interp(0.8 * steps[-1], steps, values)
            for steps, values in curves
        ]
        changes[name] = fmean(late)
        assert change == f'{changes[name]:+.2f}', name
    sentence = re.search(r'By this rule,(.*?)have not', page, re.S)[1]
    named = re.findall(r'`(\w+)`', sentence)
    assert sorted(named) == sorted(n for n, change in changes.items() if change >= 0.5)
    assert len(changes) == len(STUDIES) - 1
