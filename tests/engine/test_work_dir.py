import os
import shutil

import pytest
import torch

from mmadf.engine.work_dir import (
    best_checkpoint,
    check_checkpoint,
    default_work_dir,
    latest_checkpoint,
)
from tests.helpers import named


def touch(path, age, whole=True):
    torch.save(dict(epoch=1), path) if whole else path.write_bytes(b'PK torn')
    os.utime(path, (1000 - age, 1000 - age))


@pytest.mark.parametrize(
    'config, name',
    [
        ('configs/a.b.py', 'a.b'),
        ('a.json', 'a'),
        ('mmadf::adf/a.yml', 'a'),
        ('a.yaml', 'a'),
        ('regnetx-3.2gf_8xb128_in1k', 'regnetx-3.2gf_8xb128_in1k'),
        ('models/v1.2/', 'v1.2'),
    ],
)
def test_work_directory_has_the_name_of_the_config_without_its_ending(config, name):
    assert default_work_dir(config) == f'work_dirs/{name}'


def test_latest_is_the_one_named(tmp_path):
    touch(tmp_path / 'epoch_1.pth', age=2)
    touch(tmp_path / 'epoch_2.pth', age=1)
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'epoch_1.pth'))
    assert latest_checkpoint(tmp_path) == str(tmp_path / 'epoch_1.pth')


def test_latest_of_a_copied_folder_is_in_the_copy(tmp_path):
    here, there = tmp_path / 'here', tmp_path / 'there'
    here.mkdir()
    for epoch in (1, 2):
        touch(here / f'epoch_{epoch}.pth', age=0)
    (here / 'last_checkpoint').write_text(str(here / 'epoch_1.pth'))
    shutil.copytree(here, there)
    assert latest_checkpoint(there) == str(there / 'epoch_1.pth')
    (there / 'epoch_1.pth').unlink()
    assert latest_checkpoint(there) == str(here / 'epoch_1.pth')


def test_damaged_or_missing_falls_back_to_the_highest_whole_one(tmp_path, capsys):
    touch(tmp_path / 'epoch_8.pth', age=1)
    touch(tmp_path / 'epoch_9.pth', age=3)
    touch(tmp_path / 'epoch_10.pth', age=2, whole=False)
    absent = [bytes(tmp_path / name) for name in ('epoch_10.pth', 'gone.pth', '\0\1')]
    for content in (None, b'', b'\xff\xfe', *absent):
        if content is not None:
            (tmp_path / 'last_checkpoint').write_bytes(content)
        with named(content):
            assert latest_checkpoint(tmp_path) == str(tmp_path / 'epoch_9.pth')
            said = capsys.readouterr().out
            assert f'Not resumed from {tmp_path}/epoch_10.pth' in said


def test_flipped_bit_falls_back(tmp_path):
    for epoch in (1, 2):
        torch.save(dict(w=torch.ones(1000)), tmp_path / f'epoch_{epoch}.pth')
    content = bytearray((tmp_path / 'epoch_2.pth').read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / 'epoch_2.pth').write_bytes(content)
    assert latest_checkpoint(tmp_path) == str(tmp_path / 'epoch_1.pth')
    with pytest.raises(ValueError, match=r'epoch_2\.pth'):
        check_checkpoint(str(tmp_path / 'epoch_2.pth'))


def test_only_damaged_checkpoints_are_an_error(tmp_path):
    for epoch in (1, 2):
        touch(tmp_path / f'epoch_{epoch}.pth', age=0, whole=False)
    with pytest.raises(ValueError, match='none of its 2 checkpoints.*--overwrite'):
        latest_checkpoint(tmp_path)


def save_best(folder, metric, epoch, **info):
    content = dict(message_hub=dict(runtime_info=info))
    torch.save(content, folder / f'best_{metric}_epoch_{epoch}.pth')


@pytest.mark.parametrize('metric, best', [('accuracy_top1', 9), ('val_loss', 10)])
def test_best_is_the_one_with_the_best_stored_score(metric, best, tmp_path):
    for epoch, score in ((9, 0.8), (10, 0.5), (11, 0.8)):
        save_best(tmp_path, metric, epoch, best_score=score)
    (tmp_path / f'best_{metric}_epoch_99.pth').write_bytes(b'torn')
    expected = tmp_path / f'best_{metric}_epoch_{best}.pth'
    assert best_checkpoint(tmp_path) == str(expected)


def test_best_of_several_metrics_is_not_guessed(tmp_path):
    save_best(tmp_path, 'accuracy_top1', 1, **{'best_score_accuracy/top1': 0.5})
    save_best(tmp_path, 'recall', 2, best_score_recall=0.6)
    with pytest.raises(ValueError, match='2 metrics.*accuracy_top1_epoch_1'):
        best_checkpoint(tmp_path)


def test_empty_folder_has_no_checkpoint(tmp_path):
    assert latest_checkpoint(tmp_path / 'new') is None
    assert best_checkpoint(tmp_path / 'new') is None


def test_files_of_torch_save_are_checkpoints(tmp_path):
    for zipped in [True, False]:
        with named(zipped):
            torch.save({}, tmp_path / 'a.pth', _use_new_zipfile_serialization=zipped)
            check_checkpoint(str(tmp_path / 'a.pth'))
            check_checkpoint('https://example.org/a.pth')


def test_missing_checkpoint_is_refused():
    with pytest.raises(FileNotFoundError, match="'gone.pth'"):
        check_checkpoint('gone.pth')


def test_other_and_truncated_files_are_refused(tmp_path):
    for content in [b'text', b'PK torn']:
        with named(content):
            (tmp_path / 'a.pth').write_bytes(content)
            with pytest.raises(ValueError, match='a.pth'):
                check_checkpoint(str(tmp_path / 'a.pth'))
