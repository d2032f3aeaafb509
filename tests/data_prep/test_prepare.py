"""Conversions: what is written, reported, resumed and refused."""

import dataclasses
import json
import os
import sys
import zipfile

import cv2
import numpy as np
import pytest
from mmengine.registry import DefaultScope
from mmpretrain.datasets import CustomDataset

from mmadf.data_prep import INTEL, prepare
from mmadf.data_prep.layouts import Image
from mmadf.data_prep.prepare import target_paths
from mmadf.utils.files import locked_folder
from tests.data_prep.archives import (
    CLASSES,
    TRAIN,
    images,
    intel_files,
    tree,
    write_archive,
)


@pytest.fixture
def intel(tmp_path):
    """Convert these images, laid out as Intel's archive; return root and report."""

    def _intel(content, name='archive.zip', **choices):
        archive = write_archive(tmp_path / name, intel_files(content))
        root = tmp_path / 'intel'
        return root, prepare(INTEL, archive, root, any_counts=True, **choices)

    return _intel


def test_mmpretrain_reads_the_result(intel):
    root, _ = intel(images(), val_fraction=0.2)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        sets = {s: CustomDataset(data_root=str(root / s)) for s in ('train', 'val')}
    assert {s: len(d) for s, d in sets.items()} == dict(train=16, val=4)
    assert sets['val'].metainfo['classes'] == CLASSES


def validation(root):
    return {path for path in tree(root) if path.startswith('val/')}


def test_the_seed_alone_chooses_the_validation_set(tmp_path):
    content, chosen = images(), {}
    shuffled = dict(sorted(content.items(), key=lambda item: item[0][::-1]))
    runs = dict(a=(content, 0), b=(shuffled, 0), c=(content, 1))
    for name, (files, seed) in runs.items():
        archive = write_archive(tmp_path / f'{name}.zip', intel_files(files))
        root = tmp_path / name
        prepare(INTEL, archive, root, val_fraction=0.3, seed=seed, any_counts=True)
        chosen[name] = validation(root)
    assert len(chosen['a']) == 6
    assert chosen['a'] == chosen['b'] != chosen['c']


def test_duplicates_and_leaks_are_reported_and_kept(intel):
    content = images()
    content['train', 'sea', 'copy.jpg'] = content['train', 'sea', 'tr3.jpg']
    content['train', 'forest', 'other.jpg'] = content['train', 'sea', 'tr3.jpg']
    content['test', 'sea', 'leak.jpg'] = content['train', 'forest', 'tr1.jpg']
    root, report = intel(content, val_fraction=0)
    assert json.loads((root / 'report.json').read_text()) == report
    group = ['forest/other.jpg', 'sea/copy.jpg', 'sea/tr3.jpg']
    assert report['duplicates'] == [[f'train/{name}' for name in group]]
    assert report['leaks'] == [['test/sea/leak.jpg', 'train/forest/tr1.jpg']]
    assert len(tree(root)) == 31


def test_images_that_do_not_decode_are_reported_and_left_out(intel):
    content = images()
    whole = cv2.imencode('.jpg', np.random.randint(0, 255, (99, 99, 3), np.uint8))[1]
    broken = {
        'cut.jpg': whole.tobytes()[:-800],
        'empty.jpg': b'',
        'text.jpg': b'<html>404</html>',
    }
    content.update({('train', 'sea', name): data for name, data in broken.items()})
    root, report = intel(content, val_fraction=0)
    assert set(report['unreadable']) == {f'train/sea/{name}' for name in broken}
    assert 'truncated' in report['unreadable']['train/sea/cut.jpg']
    assert report['counts']['train'] == dict(forest=TRAIN, sea=TRAIN)
    assert len(tree(root)) == 28


def test_a_damaged_member_is_reported(tmp_path):
    archive = write_archive(tmp_path / 'a.zip', intel_files(images()))
    name = 'seg_train/seg_train/sea/tr3.jpg'
    with zipfile.ZipFile(archive) as opened:
        info = opened.getinfo(name)
    data = bytearray(archive.read_bytes())
    data[info.header_offset + 30 + len(name) + 50] ^= 255
    archive.write_bytes(data)
    report = prepare(INTEL, archive, tmp_path / 'out', any_counts=True, val_fraction=0)
    assert list(report['unreadable']) == ['train/sea/tr3.jpg']
    assert 'Bad CRC-32' in report['unreadable']['train/sea/tr3.jpg']


# Killed and started again

KILLED = """
import os, sys
from pathlib import Path
from mmadf.data_prep import INTEL, prepare
module = sys.modules['mmadf.data_prep.prepare']
replaced = []
def die(source, target):
    replaced.append(os.rename(source, target))
    if len(replaced) == 7:
        Path(str(target) + '.part').write_bytes(b'half')
        Path(target).with_name('other_seed.jpg').write_bytes(b'stale')
        os._exit(9)
module.os.replace = die
prepare(INTEL, Path(sys.argv[1]), Path(sys.argv[2]), any_counts=True)
"""


@pytest.mark.slow
def test_a_killed_run_goes_on_and_ends_the_same(python, tmp_path):
    archive = write_archive(tmp_path / 'archive.zip', intel_files(images()))
    killed, straight = tmp_path / 'killed', tmp_path / 'straight'
    assert python('-c', KILLED, archive, killed, check=False).returncode == 9
    assert not killed.exists()
    kept = sorted((tmp_path / 'killed.partial').glob('*/*/t*.jpg'))
    assert len(kept) == 7
    before = {p.relative_to(tmp_path / 'killed.partial'): os.stat(p) for p in kept}
    reports = [
        prepare(INTEL, archive, root, any_counts=True) for root in (killed, straight)
    ]
    assert reports[0] == reports[1]
    assert tree(killed) == tree(straight)
    for path, stat in before.items():
        assert (killed / path).stat().st_mtime_ns == stat.st_mtime_ns
    assert not (tmp_path / 'killed.partial').exists()


def test_a_half_written_file_does_not_count(tmp_path):
    archive = write_archive(tmp_path / 'archive.zip', intel_files(images()))
    half = tmp_path / 'out.partial/test/sea/te0.jpg'
    half.parent.mkdir(parents=True)
    whole = images()['test', 'sea', 'te0.jpg']
    half.write_bytes(whole[:-1] + b'x')
    prepare(INTEL, archive, tmp_path / 'out', any_counts=True)
    assert tree(tmp_path / 'out')['test/sea/te0.jpg'] == whole


def test_a_finished_folder_is_kept_and_another_choice_refused(intel):
    root, report = intel(images())
    before = (root / 'report.json').stat().st_mtime_ns
    assert intel(images())[1] == report
    assert (root / 'report.json').stat().st_mtime_ns == before
    with pytest.raises(ValueError, match="'seed': 0.*, not .*'seed': 1"):
        intel(images(), seed=1)
    (root / 'test/sea/te0.jpg').unlink()
    with pytest.raises(
        ValueError, match="holds .*'test': 7.*report.json lists .*'test': 8"
    ):
        intel(images())


def test_files_that_are_no_images_in_a_finished_folder_are_not_counted(intel):
    root, report = intel(images())
    for name in ('test/sea/.DS_Store', 'test/.DS_Store', 'test/sea/Thumbs.db'):
        (root / name).write_bytes(b'of a file manager')
    assert intel(images())[1] == report
    (root / 'test/sea/._te0.JPG').write_bytes(b'which training would read')
    with pytest.raises(ValueError, match="holds .*'test': 9.* lists .*'test': 8"):
        intel(images())


def test_a_class_of_two_images_has_one_for_validation():
    few = [Image(f'{i}.jpg', 'train', 'few') for i in range(2)]
    one = [Image('one.jpg', 'train', 'one')]
    for fraction, expected in [(0.1, 1), (0.0, 0)]:
        targets = target_paths(few + one, fraction, seed=0).values()
        held_out = [path for path in targets if path.startswith('val/')]
        assert len(held_out) == expected
        assert all(path.startswith('val/few/') for path in held_out)


def test_fractions_out_of_range_are_refused(tmp_path):
    for fraction in (-0.1, 1.0):
        with pytest.raises(ValueError, match=f'val_fraction={fraction} must be'):
            prepare(INTEL, tmp_path, tmp_path / 'out', val_fraction=fraction)


# The destination


def test_links_in_a_partial_folder_are_refused(intel, tmp_path):
    home = tmp_path / 'home'
    home.mkdir()
    partial = tmp_path / 'intel.partial'
    (partial / 'train').mkdir(parents=True)
    (partial / 'train/sea').symlink_to(home)
    with pytest.raises(ValueError, match='train/sea is a link; remove .*partial'):
        intel(images())
    assert list(home.iterdir()) == []


def test_target_outside_the_destination_is_refused(monkeypatch, tmp_path):
    """As a second defence, with the checks of names left out."""
    monkeypatch.setattr(type(INTEL), '_check_names', lambda *_: None)
    archive = write_archive(tmp_path / 'a.zip', intel_files(images()))
    layout = dataclasses.replace(
        INTEL,
        read=lambda source: [Image(source.names[-1], 'train', '../../home')],
    )
    with pytest.raises(ValueError, match='home is not in .*partial'):
        prepare(layout, archive, tmp_path / 'out', any_counts=True)
    assert not (tmp_path / 'home').exists()


def test_second_converter_of_the_same_folder_is_refused(intel, tmp_path):
    refused = pytest.raises(BlockingIOError, match='intel.partial is being written')
    with locked_folder(tmp_path / 'intel.partial', wait=False), refused:
        intel(images())
    root, report = intel(images())
    assert sum(map(len, report['counts'].values())) == 6
    assert len(tree(root)) == 28


def test_images_are_counted_before_the_folder_is_renamed(intel, monkeypatch, tmp_path):
    def _write(*args):
        found = write_images(*args)
        (tmp_path / 'intel.partial/test/sea/te0.jpg').unlink()
        return found

    module = sys.modules['mmadf.data_prep.prepare']
    write_images = module._write_images
    monkeypatch.setattr(module, '_write_images', _write)
    with pytest.raises(OSError, match='partial holds 27 of 28 images'):
        intel(images())
    assert not (tmp_path / 'intel').exists()


def test_empty_folder_is_filled_and_another_one_refused(intel, tmp_path):
    (tmp_path / 'intel').mkdir()
    (tmp_path / 'intel/notes.txt').write_text('mine')
    with pytest.raises(ValueError, match='intel exists and was written with'):
        intel(images())
    (tmp_path / 'intel/notes.txt').unlink()
    root, _ = intel(images())
    assert len(tree(root)) == 28


def test_mount_points_are_refused_before_the_work(intel, monkeypatch, tmp_path):
    monkeypatch.setattr(os.path, 'ismount', lambda path: path == tmp_path / 'intel')
    with pytest.raises(ValueError, match='mount point.*folder inside of it'):
        intel(images())
    assert not list(tmp_path.glob('*.partial'))


def test_link_to_an_empty_folder_is_not_replaced(intel, tmp_path):
    (tmp_path / 'empty').mkdir()
    (tmp_path / 'intel').symlink_to(tmp_path / 'empty')
    with pytest.raises(ValueError, match='intel exists and was written with'):
        intel(images())


def test_existing_link_is_not_replaced(intel, tmp_path):
    (tmp_path / 'intel').symlink_to(tmp_path / 'nowhere')
    with pytest.raises(ValueError, match='intel exists and was written with'):
        intel(images())
