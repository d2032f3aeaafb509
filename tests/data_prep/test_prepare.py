import io
import json
import os
import zipfile

import cv2
import numpy as np
import PIL.Image
import pytest
from mmengine.registry import DefaultScope
from mmpretrain.datasets import CustomDataset

from mmadf.data_prep import INTEL, MIT67, SUBIMAGENET70, prepare
from mmadf.data_prep.checks import decode_problem
from mmadf.data_prep.layouts import Image
from tests.conftest import ROOT
from tests.data_prep.archives import (
    CLASSES,
    FILES,
    LAYOUTS,
    TEST,
    TRAIN,
    images,
    intel_files,
    jpeg,
    mit67_files,
    subimagenet70_files,
    write_archive,
)


def tree(root):
    """Return path -> content of all images."""
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.glob('*/*/*')}


@pytest.fixture
def intel(tmp_path):
    """Convert these images, laid out as Intel's archive; return root and report."""

    def _intel(content, name='archive.zip', **choices):
        archive = write_archive(tmp_path / name, intel_files(content))
        root = tmp_path / 'intel'
        return root, prepare(INTEL, archive, root, any_counts=True, **choices)

    return _intel


@pytest.mark.parametrize('name', LAYOUTS)
@pytest.mark.parametrize('suffix', ['.zip', '.tar', ''])
def test_every_image_lands_in_its_class_unchanged(tmp_path, name, suffix):
    content = images()
    archive = write_archive(tmp_path / f'source{suffix}', FILES[name](content))
    root = tmp_path / 'out'
    report = prepare(LAYOUTS[name], archive, root, any_counts=True, val_fraction=0.2)
    found = {
        (split.replace('val', 'train'), label, file): data
        for path, data in tree(root).items()
        for split, label, file in [path.split('/')]
    }
    assert found == content
    expected = dict(train=TRAIN - 2, val=2, test=TEST)
    assert report['counts'] == {
        s: dict.fromkeys(CLASSES, n) for s, n in expected.items()
    }
    assert report['duplicates'] == report['leaks'] == []
    assert report['unreadable'] == {}
    assert json.loads((root / 'report.json').read_text()) == report


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
    group = ['forest/other.jpg', 'sea/copy.jpg', 'sea/tr3.jpg']
    assert report['duplicates'] == [[f'train/{name}' for name in group]]
    assert report['leaks'] == [['test/sea/leak.jpg', 'train/forest/tr1.jpg']]
    assert len(tree(root)) == 31


def gif():
    """Return a GIF of noise, 8 x 8 pixels."""
    file = io.BytesIO()
    PIL.Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(file, 'GIF')
    return file.getvalue()


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


def test_what_mmcv_cannot_decode_is_unreadable(monkeypatch):
    assert decode_problem(gif()) is None
    monkeypatch.setattr('mmcv.imfrombytes', lambda content: None)
    assert decode_problem(gif()) == 'GIF that MMCV cannot decode'


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
    with pytest.raises(ValueError, match="made with .*'seed': 0.*, not .*'seed': 1"):
        intel(images(), seed=1)
    (root / 'test/sea/te0.jpg').unlink()
    with pytest.raises(ValueError, match="holds .*'test': 7.*says .*'test': 8"):
        intel(images())


# Wrong archives


def wrong(tmp_path, layout, files, name='wrong.zip', **choices):
    archive = write_archive(tmp_path / name, files)
    with pytest.raises(ValueError) as error:
        prepare(layout, archive, tmp_path / 'out', **choices)
    assert '\n' not in str(error.value)
    assert not (tmp_path / 'out').exists()
    return str(error.value)


def test_another_data_set_is_named_by_what_it_holds(tmp_path):
    files = {'PetImages/Cat/1.jpg': jpeg(0), 'PetImages/readme.txt': b''}
    text = wrong(tmp_path, INTEL, files)
    assert 'holds 2 files, 1 of them .jpg: PetImages/Cat, PetImages/readme' in text
    assert 'expected seg_train/seg_train/<class>/*.jpg' in text
    text = wrong(tmp_path, SUBIMAGENET70, files)
    assert 'expected train.csv and test.csv' in text
    text = wrong(tmp_path, MIT67, files)
    assert 'TrainImages.txt is neither in' in text


def test_counts_that_differ_are_refused(tmp_path):
    text = wrong(tmp_path, INTEL, intel_files(images()))
    assert '20 train images in 2 classes (expected 14,034 in 6)' in text
    assert '8 test images in 2 classes (expected 3,000 in 6)' in text
    assert '--any-counts' in text


def test_other_classes_are_refused_though_the_counts_fit():
    images = [
        listed(split, index, classes=7)
        for split, count in INTEL.counts.items()
        for index in range(count)
    ]
    with pytest.raises(ValueError, match='3,000 test images in 7 classes'):
        INTEL.check_counts(images)


def test_tables_fit_a_tar_whose_names_start_with_a_dot(tmp_path):
    files = {f'./{n}': data for n, data in subimagenet70_files(images()).items()}
    archive = write_archive(tmp_path / 'a.tar', files)
    report = prepare(SUBIMAGENET70, archive, tmp_path / 'out', any_counts=True)
    assert sum(report['counts']['test'].values()) == 8


@pytest.mark.parametrize('name', LAYOUTS)
def test_published_counts_pass_and_one_image_less_does_not(name):
    layout = LAYOUTS[name]
    found = [
        listed(split, index, layout.num_classes)
        for split, count in layout.counts.items()
        for index in range(count)
    ]
    layout.check_counts(found)
    with pytest.raises(ValueError, match='download it again'):
        layout.check_counts(found[1:])


def listed(split, index, classes):
    return Image(f'{split}/{index}.jpg', split, str(index % classes))


def test_listed_images_that_are_missing_are_named(tmp_path):
    files = mit67_files(images())
    del files['./Images/sea/te2.jpg']
    text = wrong(tmp_path, MIT67, files, any_counts=True)
    assert 'TestImages.txt lists 8 images' in text
    assert 'lacks 1 (first: sea/te2.jpg)' in text


def test_lists_beside_the_tar_are_found(tmp_path):
    files = mit67_files(images())
    for name in ('TrainImages.txt', 'TestImages.txt'):
        (tmp_path / name).write_bytes(files.pop(name))
    archive = write_archive(tmp_path / 'indoorCVPR_09.tar', files)
    report = prepare(MIT67, archive, tmp_path / 'out', any_counts=True)
    assert sum(report['counts']['test'].values()) == 8


def test_two_files_for_one_place_are_named(tmp_path):
    files = intel_files(images())
    files['again/seg_test/sea/te0.jpg'] = jpeg(7)
    text = wrong(tmp_path, INTEL, files, any_counts=True)
    assert 'again/seg_test/sea/te0.jpg' in text
    assert 'are both test/sea/te0.jpg' in text


def test_names_that_lead_out_are_refused(tmp_path):
    files = {**intel_files(images()), 'seg_test/seg_test/../x.jpg': jpeg(7)}
    assert 'leads out of the archive' in wrong(tmp_path, INTEL, files)


@pytest.mark.parametrize(
    ('name', 'content', 'message'),
    [
        ('a.zip', b'<html>sign in</html>', 'is neither a zip nor a tar file'),
        ('b.tar', None, 'does not exist'),
        ('c.zip', b'', r'\(0 bytes\) is neither'),
    ],
)
def test_files_that_are_no_archive(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        prepare(INTEL, tmp_path / name, tmp_path / 'out')


def test_a_cut_archive_is_refused(tmp_path):
    for suffix in ('.zip', '.tar'):
        archive = write_archive(tmp_path / f'a{suffix}', intel_files(images()))
        archive.write_bytes(archive.read_bytes()[:-12000])
        with pytest.raises(ValueError, match='download it again'):
            prepare(INTEL, archive, tmp_path / 'out')


@pytest.mark.parametrize('fraction', [-0.1, 1.0])
def test_fractions_out_of_range_are_named(tmp_path, fraction):
    with pytest.raises(ValueError, match=f'val_fraction={fraction} must be in'):
        prepare(INTEL, tmp_path, tmp_path / 'out', val_fraction=fraction)


# Scripts


@pytest.mark.slow
@pytest.mark.parametrize('name', LAYOUTS)
def test_scripts_convert_and_refuse_in_one_line(python, tmp_path, name):
    script = ROOT / f'tools/dataset_converters/{name}.py'
    archive = write_archive(tmp_path / 'a.zip', FILES[name](images()))
    refused = python(script, archive, tmp_path / 'out', check=False)
    assert refused.returncode == 2
    assert refused.stderr.startswith(f'{name}.py: error: ')
    assert refused.stderr.count('\n') == 1
    done = python(script, archive, tmp_path / 'out', '--any-counts')
    assert 'train: 18 images in 2 classes\nval: 2 images in 2 classes' in done.stdout
    assert '28/28' in done.stderr
    assert '0 images could not be read' in done.stdout
