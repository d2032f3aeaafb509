import pytest
from mmengine.dataset import BaseDataset
from mmpretrain.datasets import CustomDataset
from torch import nn

from mmadf.engine.hooks.check_data import check_classes, check_images


class Head(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.num_classes = num_classes


def model(semantic, appearance):
    net = nn.Module()
    net.head, net.appearance_head = Head(semantic), Head(appearance)
    return net


@pytest.fixture
def dataset(image_folder):
    return CustomDataset(data_root=str(image_folder / 'train'))


def test_equal_class_counts_pass(dataset):
    check_classes(model(2, 2), dataset, 'training')


@pytest.mark.parametrize(
    ('counts', 'head'), [((3, 2), 'head'), ((2, 3), 'appearance_head')]
)
def test_other_number_of_classes_is_refused(dataset, counts, head):
    message = rf'model.{head}.num_classes=3, .* 2 classes .dark, light'
    with pytest.raises(ValueError, match=message):
        check_classes(model(*counts), dataset, 'train')


def test_readable_images_pass(dataset):
    check_images(dataset, 'train', max_images=-1)


@pytest.mark.parametrize('content', [b'', None])
def test_unreadable_image_is_named(image_folder, dataset, content):
    path = image_folder / 'train' / 'light' / '003.png'
    path.write_bytes(path.read_bytes()[:60] if content is None else content)
    with pytest.raises(ValueError, match=f'1 of 32 checked .* train set .*{path.name}'):
        check_images(dataset, 'train', max_images=-1)


def test_checked_images_are_evenly_spaced(image_folder, dataset):
    for folder, name in (('dark', '000'), ('light', '015'), ('dark', '001')):
        (image_folder / 'train' / folder / f'{name}.png').write_bytes(b'')
    with pytest.raises(ValueError, match='2 of 2 checked'):
        check_images(dataset, 'train', max_images=2)
    check_images(dataset, 'train', max_images=0)


class Arrays(BaseDataset):
    """Images in memory, as those of CIFAR."""

    def load_data_list(self):
        return [dict(img=index) for index in range(3)]


def test_data_sets_without_image_files_are_not_checked():
    check_images(Arrays(), 'train', max_images=-1)
