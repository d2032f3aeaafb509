"""Each published archive is read as its publisher documents it."""

import zipfile

import pytest
from mmengine.registry import DefaultScope
from mmpretrain.datasets import ImageNet

from mmadf.data_prep import IMAGENET, INTEL, MIT67, SUBIMAGENET70, prepare
from mmadf.data_prep.layouts import Image
from tests.data_prep.archives import (
    CLASSES,
    FILES,
    LAYOUTS,
    TEST,
    TRAIN,
    imagenet_files,
    images,
    intel_files,
    jpeg,
    mit67_files,
    subimagenet70_files,
    tree,
    write_archive,
)
from tests.helpers import named


@pytest.mark.parametrize(
    ('name', 'suffix'), [('intel', '.zip'), ('mit67', '.tar'), ('subimagenet70', '')]
)
def test_every_image_is_copied_unchanged_to_its_split_and_class(name, suffix, tmp_path):
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


def test_imagenet_validation_labels_are_those_of_the_table(tmp_path):
    content = images()
    archive = write_archive(tmp_path / 'a.zip', imagenet_files(content))
    root, wnids = tmp_path / 'out', dict(forest='n00000001', sea='n00000002')
    report = prepare(IMAGENET, archive, root, val_fraction=0, any_counts=True)
    for (split, label, file), data in content.items():
        name = file.replace('.jpg', '.JPEG')
        if split == 'test':
            path = root / 'val' / wnids[label] / f'{label}_{name}'
        else:
            path = root / 'train' / wnids[label] / name
        assert path.read_bytes() == data
    assert report['counts'] == {
        'train': dict.fromkeys(wnids.values(), 10),
        'val': dict.fromkeys(wnids.values(), 4),
    }
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        classes = dict(classes=('tench', 'goldfish'))  # instead of its 1,000
        val = ImageNet(data_root=str(root), split='val', metainfo=classes)
    assert sorted(val.get_gt_labels().tolist()) == [0] * 4 + [1] * 4


def test_second_validation_set_is_refused(tmp_path):
    archive = write_archive(tmp_path / 'a.zip', imagenet_files(images()))
    with pytest.raises(ValueError, match=r'val_fraction=0.1: .*validation set'):
        prepare(IMAGENET, archive, tmp_path / 'out', any_counts=True)


def test_tables_match_a_tar_whose_names_start_with_a_dot(tmp_path):
    files = {f'./{n}': data for n, data in subimagenet70_files(images()).items()}
    archive = write_archive(tmp_path / 'a.tar', files)
    report = prepare(SUBIMAGENET70, archive, tmp_path / 'out', any_counts=True)
    assert sum(report['counts']['test'].values()) == 8


def test_lists_beside_the_tar_are_found(tmp_path):
    files = mit67_files(images())
    for name in ('TrainImages.txt', 'TestImages.txt'):
        (tmp_path / name).write_bytes(files.pop(name))
    archive = write_archive(tmp_path / 'indoorCVPR_09.tar', files)
    report = prepare(MIT67, archive, tmp_path / 'out', any_counts=True)
    assert sum(report['counts']['test'].values()) == 8


# Incomplete and wrong archives


def refusal(tmp_path, layout, files, **choices):
    archive = write_archive(tmp_path / 'wrong.zip', files)
    with pytest.raises(ValueError) as error:
        prepare(layout, archive, tmp_path / 'out', **choices)
    assert '\n' not in str(error.value)
    assert not (tmp_path / 'out').exists()
    return str(error.value)


def test_another_dataset_is_refused_with_its_content(tmp_path):
    for layout, message in [
        (INTEL, 'expected seg_train/seg_train/<class>/*.jpg'),
        (SUBIMAGENET70, 'expected train.csv and test.csv'),
        (MIT67, 'TrainImages.txt is neither in'),
        (IMAGENET, 'expected ILSVRC/Data/CLS-LOC/{train/<wnid>,val}'),
    ]:
        with named(message):
            files = {'PetImages/Cat/1.jpg': jpeg(0), 'PetImages/readme.txt': b''}
            text = refusal(tmp_path, layout, files)
            assert '2 files, 1 of them .jpg: PetImages/Cat, PetImages/readme' in text
            assert message in text


def listed(split, index, classes):
    return Image(f'{split}/{index}.jpg', split, str(index % classes))


def of_published_size(layout, num_classes):
    return [
        listed(split, index, num_classes)
        for split, count in layout.counts.items()
        for index in range(count)
    ]


def test_published_counts_pass_and_one_image_less_does_not():
    for layout in LAYOUTS.values():
        found = of_published_size(layout, layout.num_classes)
        layout.check_counts(found)
        with pytest.raises(ValueError, match=layout.origin):
            layout.check_counts(found[1:])


def test_other_number_of_classes_is_refused():
    with pytest.raises(ValueError, match='3,000 test images in 7 classes'):
        INTEL.check_counts(of_published_size(INTEL, 7))


def test_counts_that_differ_are_refused(tmp_path):
    text = refusal(tmp_path, INTEL, intel_files(images()))
    assert '20 train images in 2 classes (expected 14,034 in 6)' in text
    assert '8 test images in 2 classes (expected 3,000 in 6)' in text
    assert '--any-counts' in text


def test_listed_image_that_is_missing_is_named(tmp_path):
    files = mit67_files(images())
    del files['./Images/sea/te2.jpg']
    text = refusal(tmp_path, MIT67, files, any_counts=True)
    assert 'TestImages.txt lists 8 images' in text
    assert 'lacks 1 (first: sea/te2.jpg)' in text


def test_image_without_label_is_named(tmp_path):
    files = imagenet_files(images())
    table = files['LOC_val_solution.csv'].decode().splitlines(keepends=True)
    files['LOC_val_solution.csv'] = ''.join(table[:-1]).encode()
    text = refusal(tmp_path, IMAGENET, files, any_counts=True, val_fraction=0)
    assert 'has no label for' in text and 'val/sea_te3.JPEG' in text


def test_two_files_with_one_target_are_named(tmp_path):
    files = intel_files(images())
    files['again/seg_test/sea/te0.jpg'] = jpeg(7)
    text = refusal(tmp_path, INTEL, files, any_counts=True)
    assert 'again/seg_test/sea/te0.jpg' in text
    assert 'are both test/sea/te0.jpg' in text


# Unsafe names


def table_with(row, **files):
    """Return the files of Sub-ImageNet-70 with one more row in train.csv."""
    content = subimagenet70_files(images())
    content['train.csv'] += row
    return {**content, **files}


def test_class_that_is_no_plain_name_is_refused(tmp_path):
    for label in ['', '.', '..', '../../../home', '/home', 'a\\b', 'a\0b', 'a\nb']:
        with named(label):
            new = {'sea/new.jpg': jpeg(50)}
            files = table_with(f'sea/new.jpg,"{label}"\r\n'.encode(), **new)
            text = refusal(tmp_path, SUBIMAGENET70, files, any_counts=True)
            assert f"gives 'sea/new.jpg' the class name {label!r}" in text
            assert sorted(p.name for p in tmp_path.iterdir()) == ['wrong.zip']


def test_class_of_imagenet_is_checked_as_well(tmp_path):
    files = imagenet_files(images())
    table = files['LOC_val_solution.csv'].replace(b'n00000002', b'../../../home')
    files['LOC_val_solution.csv'] = table
    text = refusal(tmp_path, IMAGENET, files, any_counts=True, val_fraction=0)
    assert "the class name '../../../home'" in text


def test_file_that_is_no_image_by_its_name_is_refused(tmp_path):
    for name in ['.bashrc', 'run.py', 'weights.pth', '.jpg']:
        with named(name):
            files = table_with(
                f'sea/{name},sea\r\n'.encode(), **{f'sea/{name}': jpeg(50)}
            )
            text = refusal(tmp_path, SUBIMAGENET70, files, any_counts=True)
            assert (
                f"lists 'sea/{name}' as an image; its name must end in one of .jpg"
                in text
            )


def test_file_name_with_a_backslash_is_refused(tmp_path):
    files = intel_files(images())
    files['seg_test/seg_test/sea/..\\x.jpg'] = jpeg(50)
    text = refusal(tmp_path, INTEL, files, any_counts=True)
    assert r"the file name '..\\x.jpg'" in text


def test_compressed_bomb_is_refused_before_anything_is_written(tmp_path):
    archive = write_archive(tmp_path / 'a.zip', intel_files(images()))
    with zipfile.ZipFile(archive, 'a', zipfile.ZIP_DEFLATED) as opened:
        opened.writestr('seg_test/seg_test/sea/bomb.jpg', bytes(2_000_000))
    with pytest.raises(ValueError, match='sea/bomb.jpg has 2,000,000 bytes'):
        prepare(INTEL, archive, tmp_path / 'out', any_counts=True)
    assert [p.name for p in tmp_path.iterdir()] == ['a.zip']


# Equal names


def test_image_of_two_classes_is_named(tmp_path):
    rows = b'sea/new.jpg,sea\r\nsea/new.jpg,forest\r\n'
    files = table_with(rows, **{'sea/new.jpg': jpeg(50)})
    text = refusal(tmp_path, SUBIMAGENET70, files, any_counts=True)
    assert 'sea/new.jpg both as train/sea/new.jpg and as train/forest/new.jpg' in text


def test_two_files_of_one_listed_entry_are_named(tmp_path):
    files = mit67_files(images())
    files['copy/Images/sea/te0.jpg'] = jpeg(50)
    text = refusal(tmp_path, MIT67, files, any_counts=True)
    assert './Images/sea/te0.jpg and copy/Images/sea/te0.jpg' in text


def test_image_listed_twice_in_the_table_of_imagenet_is_refused(tmp_path):
    files = imagenet_files(images())
    files['LOC_val_solution.csv'] += b'sea_te0,n00000001 1 2 3 4\n'
    text = refusal(tmp_path, IMAGENET, files, any_counts=True, val_fraction=0)
    assert 'lists 1 images more than once' in text


def test_table_of_imagenet_without_a_column_is_refused(tmp_path):
    files = imagenet_files(images())
    table = files['LOC_val_solution.csv'].replace(b'ImageId', b'Id')
    files['LOC_val_solution.csv'] = table
    text = refusal(tmp_path, IMAGENET, files, any_counts=True, val_fraction=0)
    assert 'has no label for' in text
