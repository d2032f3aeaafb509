"""Images that are too large or do not decode."""

from pathlib import Path
from types import SimpleNamespace

import PIL.Image
import pytest
from mmcv.transforms import LoadImageFromFile
from mmengine.dataset import BaseDataset
from mmengine.fileio import BaseStorageBackend, register_backend
from mmpretrain.datasets import CustomDataset

from mmadf.engine.image_checks import check_images, image_problem
from mmadf.utils.images import MAX_PIXELS
from tests.helpers import png_header


@pytest.fixture
def dataset(image_folder):
    return CustomDataset(data_root=str(image_folder / 'train'))


def test_readable_images_pass(dataset):
    check_images(dataset, 'train', -1, MAX_PIXELS)


@pytest.mark.parametrize('content', [b'', None])
def test_unreadable_image_is_named(image_folder, dataset, content):
    path = image_folder / 'train' / 'light' / '003.png'
    path.write_bytes(path.read_bytes()[:60] if content is None else content)
    with pytest.raises(ValueError, match=f'1 of 32 checked .* train set .*{path.name}'):
        check_images(dataset, 'train', -1, MAX_PIXELS)


def test_checked_images_are_evenly_spaced(image_folder, dataset):
    for folder, name in (('dark', '000'), ('light', '015'), ('dark', '001')):
        (image_folder / 'train' / folder / f'{name}.png').write_bytes(b'')
    with pytest.raises(ValueError, match='2 of 2 checked'):
        check_images(dataset, 'train', 2, MAX_PIXELS)
    check_images(dataset, 'train', 0, MAX_PIXELS)


class Arrays(BaseDataset):
    """Images in memory, as those of CIFAR."""

    def load_data_list(self):
        return [dict(img=index) for index in range(3)]


class Pairs(BaseDataset):
    """Two image files per sample, as those of NLVR2."""

    def load_data_list(self):
        return [dict(img_path=['no/a.png', 'no/b.png'])]


@pytest.mark.parametrize('kind', [Arrays, Pairs])
def test_data_sets_without_an_image_file_each_are_not_checked(kind):
    check_images(kind(), 'train', -1, MAX_PIXELS)


def test_image_of_many_pixels_is_refused_without_decoding_it(tmp_path):
    path = tmp_path / 'a.png'
    path.write_bytes(png_header(30000, 30000))
    load = SimpleNamespace(backend_args=None)  # cannot decode
    problem = image_problem(str(path), load, max_pixels=MAX_PIXELS)
    assert problem.startswith('Image size (900000000 pixels) exceeds limit')


def test_limit_of_pixels_is_an_argument(dataset):
    check_images(dataset, 'train', -1, 256)
    with pytest.raises(ValueError, match='32 of 32 .*000.png .16 x 16 pixels, more'):
        check_images(dataset, 'train', -1, 255)


@pytest.mark.parametrize('kind', ['WEBP', 'GIF', 'AVIF'])
def test_formats_that_pillow_reads_are_read(kind, image_folder):
    path = image_folder / 'train/dark' / f'new.{kind.lower()}'
    try:
        PIL.Image.new('RGB', (9, 9), (200, 100, 0)).save(path)
    except (KeyError, OSError):
        pytest.skip(f'Pillow was built without {kind}')
    load = LoadImageFromFile(imdecode_backend='pillow')
    assert image_problem(str(path), load, MAX_PIXELS) is None


def test_format_that_pillow_alone_reads_names_the_remedy(tmp_path):
    path = str(tmp_path / 'a.tga')  # which OpenCV does not read
    PIL.Image.new('RGB', (9, 9)).save(path)
    problem = image_problem(path, LoadImageFromFile(), MAX_PIXELS)
    assert "set imdecode_backend='pillow' in LoadImageFromFile" in problem


def test_decoder_of_the_pipeline_is_used(image_folder):
    path = image_folder / 'train/dark/new.png'
    PIL.Image.new('RGB', (9, 9)).save(path, 'TGA')
    root = str(image_folder / 'train')
    pillow = [dict(type='LoadImageFromFile', imdecode_backend='pillow')]
    check_images(CustomDataset(root, pipeline=pillow), 'train', -1, MAX_PIXELS)
    with pytest.raises(ValueError, match='new.png .cv2 does not decode it, but Pillow'):
        check_images(CustomDataset(root), 'train', -1, MAX_PIXELS)


@register_backend('image_checks')
class Store(BaseStorageBackend):
    """Files of a folder under keys that are not paths, as in LMDB."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def get(self, filepath):
        return (self.folder / filepath.removeprefix('key:')).read_bytes()

    def get_text(self, filepath, encoding='utf-8'):
        return self.get(filepath).decode(encoding)


@pytest.fixture
def stored(image_folder):
    """Return the transform that reads keys of the training images of a class."""
    folder = image_folder / 'train' / 'dark'
    args = dict(backend='image_checks', folder=str(folder))
    return folder, LoadImageFromFile(backend_args=args)


def test_images_are_read_from_their_storage_backend(stored):
    folder, load = stored
    assert image_problem('key:003.png', load, 256) is None
    problem = image_problem('key:003.png', load, 255)
    assert problem == '16 x 16 pixels, more than 255'
    (folder / '003.png').write_bytes(b'')
    assert 'empty' in image_problem('key:003.png', load, 256)


def test_images_of_a_storage_backend_are_tried_with_pillow(stored):
    folder, load = stored
    PIL.Image.new('RGB', (9, 9)).save(folder / '003.png', 'TGA')
    assert 'but Pillow does' in image_problem('key:003.png', load, MAX_PIXELS)


def test_file_with_the_name_of_a_key_is_not_read(stored, tmp_path, monkeypatch):
    (tmp_path / '003.png').write_bytes(png_header(30000, 30000))
    monkeypatch.chdir(tmp_path)
    assert image_problem('003.png', stored[1], MAX_PIXELS) is None
