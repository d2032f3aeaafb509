"""Checks of class names and of the images of each class."""

import pytest
from mmengine.dataset import BaseDataset, ConcatDataset, RepeatDataset
from mmpretrain.datasets import CustomDataset
from mmpretrain.models import ClsDataPreprocessor, LinearClsHead
from torch import nn

from mmadf.engine.data_checks import (
    check_classes,
    check_names,
    check_same_names,
    describe_renamed,
)
from mmadf.engine.data_contents import images_per_class, unread_files
from tests.helpers import named


class Head(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.num_classes = num_classes


def model(semantic, appearance):
    net = nn.Module()
    net.head, net.appearance_head = Head(semantic), Head(appearance)
    return net


class Arrays(BaseDataset):
    """Images in memory, as those of CIFAR."""

    def load_data_list(self):
        return [dict(img=index) for index in range(3)]


@pytest.fixture
def dataset(image_folder):
    return CustomDataset(data_root=str(image_folder / 'train'))


# Numbers and names of classes


def test_equal_class_counts_pass(dataset):
    check_classes(model(2, 2), dataset, 'training')


def test_other_number_of_classes_is_refused(dataset):
    for counts, head in [((3, 2), 'head'), ((2, 3), 'appearance_head')]:
        with named(counts):
            message = rf'model.{head}.num_classes=3, .* 2 classes .dark, light'
            with pytest.raises(ValueError, match=message):
                check_classes(model(*counts), dataset, 'train')


def test_one_hot_labels_of_another_number_of_classes_are_refused(dataset):
    net = model(2, 2)
    mixup = dict(augments=[dict(type='Mixup', alpha=0.8)])
    for num_classes in (None, 2):
        net.data_preprocessor = ClsDataPreprocessor(
            num_classes=num_classes, batch_augments=mixup
        )
        check_classes(net, dataset, 'train')
    net.data_preprocessor = ClsDataPreprocessor(num_classes=5)  # not used
    check_classes(net, dataset, 'train')
    net.data_preprocessor = ClsDataPreprocessor(num_classes=5, batch_augments=mixup)
    message = 'data_preprocessor.num_classes=5, but the train set has 2 classes'
    with pytest.raises(ValueError, match=message):
        check_classes(net, dataset, 'train')


def test_training_accuracy_of_more_ranks_than_classes_is_refused(dataset):
    net = nn.Module()
    for cal_acc, topk in [(True, (1, 2)), (False, (1, 5))]:
        net.head = LinearClsHead(2, 4, cal_acc=cal_acc, topk=topk)
        check_classes(net, dataset, 'train')
    net.head = LinearClsHead(2, 4, cal_acc=True, topk=(1, 5))
    message = r'model.head: topk=\(1, 5\) .* at least 5 classes, .* train set has 2'
    with pytest.raises(ValueError, match=message):
        check_classes(net, dataset, 'train')


def test_first_difference_of_class_names_is_shown():
    for names, difference in [
        (('a', 'x', 'c'), "class 1 of the val set is 'x', but 'b' in the train set"),
        (('b', 'a', 'c'), "class 0 of the val set is 'b', but 'a' in the train set"),
        (('a', 'b'), r"class 2 .* is missing, but 'c' in the train set \(2 and 3 "),
        (('a', 'b', 'c', 'd'), "class 3 .* is 'd', but missing in .* .4 and 3 classes"),
    ]:
        with named(names), pytest.raises(ValueError, match=difference):
            check_same_names(names, ('a', 'b', 'c'), 'val', 'the train set')


def test_equal_or_unknown_class_names_pass():
    for names in [None, ('a', 'b')]:
        with named(names):
            check_same_names(names, ['a', 'b'], 'val', 'the train set')
            check_same_names(['a', 'b'], names, 'val', 'the train set')


def folder(image_folder, classes):
    return CustomDataset(data_root=str(image_folder / 'train'), classes=classes)


def test_folders_in_the_order_of_the_classes_or_of_other_names_pass(image_folder):
    for classes in [None, ('dark', 'light'), ('Dark', 'LIGHT'), ('night', 'day')]:
        with named(classes):
            check_names(folder(image_folder, classes), 'train')


def test_class_names_that_differ_from_the_folders_are_refused(image_folder):
    for classes in [('light', 'dark'), ('dim', 'light'), ('Light', 'Dark')]:
        with named(classes):
            expected = classes[0].lower()
            message = f"class 0 of the train set is 'dark', but '{expected}' in the"
            with pytest.raises(ValueError, match=message):
                check_names(folder(image_folder, classes), 'train')


def test_spaces_hyphens_and_underscores_of_names_are_alike(image_folder):
    for old, new in dict(dark='traffic-light', light='fire_truck').items():
        (image_folder / 'train' / old).rename(image_folder / 'train' / new)
    check_names(folder(image_folder, ('fire truck', 'traffic light')), 'train')
    with pytest.raises(ValueError, match="'fire truck', but 'traffic light' in"):
        check_names(folder(image_folder, ('traffic light', 'fire truck')), 'train')


def test_folder_of_splits_is_refused(image_folder):
    splits = CustomDataset(data_root=str(image_folder))
    with pytest.raises(ValueError, match=f'reads {image_folder}.*train.* are splits'):
        check_names(splits, 'test')


def test_hidden_folder_is_refused(image_folder):
    (image_folder / 'train/.ipynb_checkpoints').mkdir()
    with pytest.raises(ValueError, match=r'folders \(\.ipynb_checkpoints\) would be'):
        check_names(folder(image_folder, None), 'train')


def test_folders_named_after_no_class_are_described(image_folder, monkeypatch):
    for classes in [None, ('Dark', 'LIGHT')]:
        assert describe_renamed(folder(image_folder, classes)) == ''
    renamed = folder(image_folder, ('night', 'day'))
    described = 'is named after a class: dark is night, light is day'
    assert describe_renamed(renamed).endswith(described)
    monkeypatch.setattr(CustomDataset, 'METAINFO', dict(classes=('night', 'day')))
    assert describe_renamed(renamed) == ''


def test_folder_with_a_line_break_is_refused(image_folder):
    (image_folder / 'train/dark').rename(image_folder / 'train/da\nrk')
    with pytest.raises(ValueError, match=r"class name 'da\\nrk' of the train set"):
        check_names(folder(image_folder, None), 'train')


# Images per class


def test_images_are_counted_by_class(image_folder, dataset):
    (image_folder / 'train/empty').mkdir()
    (image_folder / 'train/light/000.png').unlink()
    again = folder(image_folder, None)
    assert images_per_class(again) == dict(dark=16, empty=0, light=15)
    assert images_per_class(RepeatDataset(dataset, 2)) == dict(dark=32, light=32)
    assert images_per_class(ConcatDataset([dataset] * 2)) == dict(dark=32, light=32)


def test_data_sets_without_labels_or_classes_are_not_counted(image_folder):
    root = str(image_folder / 'train')
    assert images_per_class(CustomDataset(data_root=root, with_label=False)) is None
    assert images_per_class(Arrays()) is None


def test_label_without_a_class_is_refused(image_folder, tmp_path):
    (tmp_path / 'list.txt').write_text('dark/000.png 0\ndark/001.png 2\n')
    dataset = CustomDataset(
        data_root=str(image_folder / 'train'),
        ann_file=str(tmp_path / 'list.txt'),
        metainfo=dict(classes=('dark', 'light')),
    )
    with pytest.raises(ValueError, match='1 images have the label 2, .* 2 classes'):
        images_per_class(dataset)


def test_files_that_are_not_read_are_listed(image_folder):
    names = ('light/a.webp', 'dark/b.JPG', 'dark/c.jpg_large', 'd.png', '.hidden')
    for name in names:
        (image_folder / 'train' / name).write_bytes(b'')
    found = unread_files(folder(image_folder, None))
    assert found == ['d.png', 'dark/c.jpg_large', 'light/a.webp']
    assert unread_files(Arrays()) == []
