"""The committed tables of studies are those of their records."""

import re
import shutil
from pathlib import Path

import pytest

from tests.conftest import ROOT

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
    for name in ('curves', 'cost'):
        assert (tmp_path / f'{name}.png').stat().st_size > 1000


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


def test_page_of_the_records_counts_them():
    page = (ROOT / 'docs' / 'results' / 'README.md').read_text()
    row = re.compile(
        r'^\| `(\w+)`, (\d+) \w+, (\d+) seeds? \| (all|\d+ runs)', re.MULTILINE
    )
    listed, counts = {}, {}
    for name, networks, seeds, recorded in row.findall(page):
        complete = int(networks) * int(seeds)
        listed[name] = complete if recorded == 'all' else int(recorded.split()[0])
    for folder in STUDIES:
        if folder != OWN:
            counts[folder.name] = len(list(folder.glob('*_seed*.json')))
    assert listed == counts
