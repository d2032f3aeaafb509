"""Pictures of test images with their predictions."""

from types import SimpleNamespace

import cv2
import pytest
import torch
from mmpretrain.structures import DataSample
from mmpretrain.visualization import UniversalVisualizer

from mmadf.analysis.pictures import PicturesHook

RED = torch.tensor([200, 0, 0], dtype=torch.uint8).view(3, 1, 1)
NAMES = ['cat/0.jpg', 'cat/1.jpg', 'dog/0.jpg', 'dog/1.jpg', 'dog/2.jpg']


@pytest.fixture
def pictures(tmp_path):
    """Return a function that draws five images in batches of three and two."""
    loader = SimpleNamespace(dataset=SimpleNamespace(data_root='data'))
    visualizer = UniversalVisualizer.get_instance('pictures')
    runner = SimpleNamespace(test_dataloader=loader, visualizer=visualizer)

    def draw(image, names=NAMES, **kwargs):
        hook = PicturesHook(out_dir=str(tmp_path), **kwargs)
        for index, part in enumerate((names[:3], names[3:])):
            samples = [DataSample(metainfo=dict(img_path=f'data/{n}')) for n in part]
            for sample in samples:
                sample.set_gt_label(0).set_pred_label(1)
            batch = dict(inputs=[image] * len(part))
            hook.after_test_iter(runner, index, batch, samples)
        return {
            file.relative_to(tmp_path).as_posix(): cv2.imread(str(file))
            for file in tmp_path.rglob('*.png')
        }

    return draw


@pytest.mark.parametrize('interval, picked', [(1, NAMES), (2, NAMES[::2])])
def test_each_picture_is_in_the_folder_of_its_image(interval, picked, pictures):
    found = pictures(RED.expand(3, 240, 320), is_bgr=False, interval=interval)
    assert set(found) == {f'{name}_0.png' for name in picked}
    assert {pixels.shape for pixels in found.values()} == {(240, 320, 3)}


@pytest.mark.parametrize(
    'image, is_bgr, expected',
    [
        (RED.expand(3, 32, 48), False, (0, 0, 200)),
        (RED.flip(0).expand(3, 32, 48), True, (0, 0, 200)),
        (torch.full((1, 32, 48), 90, dtype=torch.uint8), False, (90, 90, 90)),
    ],
)
def test_small_images_are_enlarged_in_their_colours(image, is_bgr, expected, pictures):
    (pixels,) = pictures(image, NAMES[:1], is_bgr=is_bgr).values()
    assert pixels.shape == (224, 336, 3)
    assert tuple(pixels[200, 300]) == expected
