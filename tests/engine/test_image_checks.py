"""Images that are too large or do not decode."""

import PIL.Image
import pytest
from mmcv.transforms import LoadImageFromFile
from mmengine.dataset import BaseDataset
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


def test_data_sets_without_image_files_are_not_checked():
    check_images(Arrays(), 'train', -1, MAX_PIXELS)


def test_image_of_many_pixels_is_refused_without_decoding_it(tmp_path):
    path = tmp_path / 'a.png'
    path.write_bytes(png_header(30000, 30000))
    problem = image_problem(str(path), load=None, max_pixels=MAX_PIXELS)
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
