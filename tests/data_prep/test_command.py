"""The converters as commands."""

import pytest

from mmadf.data_prep.sources import Source
from tests.data_prep.archives import FILES, imagenet_files, images, write_archive
from tests.scripts import call_script

ARCHIVES = dict(FILES, imagenet=imagenet_files)
COUNTS = dict.fromkeys(FILES, 'train: 18 images in 2 classes\nval: 2 images in 2')
COUNTS['imagenet'] = 'train: 20 images in 2 classes\nval: 8 images in 2'


@pytest.mark.parametrize('name', ARCHIVES)
def test_converter_reports_counts_and_refuses_others_in_one_line(
    name, tmp_path, monkeypatch, capsys
):
    archive = write_archive(tmp_path / 'a.zip', ARCHIVES[name](images()))
    script = f'tools/dataset_converters/{name}.py', archive, tmp_path / 'out'
    code, printed, errors = call_script(monkeypatch, capsys, *script)
    assert (code, printed, errors.count('\n')) == (2, '', 1)
    assert errors.startswith(f'{name}.py: error: ')
    code, printed, errors = call_script(monkeypatch, capsys, *script, '--any-counts')
    assert code == 0
    assert printed.startswith(COUNTS[name])
    assert '0 unreadable images, left out\n' in printed
    assert f'report: {tmp_path / "out" / "report.json"}' in printed
    assert '28/28' in errors


def test_bug_during_the_conversion_keeps_its_traceback(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(Source, 'read', lambda *_: {}['bug'])
    archive = write_archive(tmp_path / 'a.zip', FILES['intel'](images()))
    script = 'tools/dataset_converters/intel.py', archive, tmp_path / 'out'
    with pytest.raises(KeyError, match='bug'):
        call_script(monkeypatch, capsys, *script, '--any-counts')


def test_missing_archive_is_reported_in_one_line(tmp_path, monkeypatch, capsys):
    script = 'tools/dataset_converters/intel.py'
    code, _, errors = call_script(
        monkeypatch, capsys, script, 'gone.zip', tmp_path / 'x'
    )
    assert (code, errors.count('\n')) == (2, 1)
    assert 'gone.zip does not exist' in errors
