"""Image files as the test set of a config reads them."""

from pathlib import Path
from typing import List, Optional, Sequence

from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import DefaultScope
from mmpretrain.registry import TRANSFORMS
from torch import Tensor

from mmadf.data_prep.checks import decode_problem

ENDINGS = ('.jpg', '.jpeg', '.png', '.ppm', '.bmp', '.pgm', '.tif', '.tiff', '.webp')


def find_images(path: Path) -> List[Path]:
    """Return an image file, or all below a folder, sorted.

    Args:
        path: file or folder.

    Raises:
        ValueError: neither, or a folder without images.
    """
    if path.is_file():
        return [path]
    found = sorted(
        file
        for file in path.rglob('*')
        if file.suffix.lower() in ENDINGS and file.is_file()
    )
    if not found:
        what = 'holds no files of these kinds' if path.is_dir() else 'is not there'
        raise ValueError(
            f'no image at {path}: it {what}; name an image or a folder of images '
            f'({", ".join(ENDINGS)}).'
        )
    return found


class ImageReader:
    """The test pipeline of a config, for single files.

    Args:
        cfg: config with a `test_dataloader`.

    Raises:
        ValueError: it has none, so nobody knows how to read an image.
    """

    def __init__(self, cfg: Config) -> None:
        if not cfg.get('test_dataloader'):
            raise ValueError(
                f'config {cfg.filename} has no test_dataloader, whose pipeline says '
                'how images are read and resized; give the config of the training.'
            )
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            steps = cfg.test_dataloader.dataset.pipeline
            self.pipeline = Compose([TRANSFORMS.build(step) for step in steps])

    def __call__(self, path: Path) -> Tensor:
        """Return what the pipeline makes of an image, (C, H, W), before normalisation.

        Args:
            path: an image file.

        Raises:
            ValueError: it cannot be decoded.
        """
        problem = decode_problem(path.read_bytes())
        if problem:
            raise ValueError(f'{path}: {problem}')
        return self.pipeline(dict(img_path=str(path)))['inputs']


def class_of(path: Path, names: Sequence[str]) -> Optional[str]:
    """Return the class whose folder holds an image, None if it lies elsewhere.

    Args:
        path: an image file.
        names: of the classes.
    """
    folder = path.resolve().parent.name
    return folder if folder in names else None
