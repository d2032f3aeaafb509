"""Image files, read as by the test set of a config."""

import os
from pathlib import Path
from typing import List, NamedTuple, Optional, Sequence

from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import DefaultScope
from mmpretrain.registry import TRANSFORMS
from torch import Tensor, nn

from mmadf.data_prep.checks import decode_problem
from mmadf.deployment.input_spec import NO_FILES, infer_input_spec
from mmadf.utils.images import EXTENSIONS
from mmadf.weights.load import test_dataset


class Pipeline(NamedTuple):
    """A test pipeline that reads image files.

    `transform` are its steps, and `is_bgr` says whether they yield BGR or RGB images.
    """

    transform: Compose
    is_bgr: bool

    @property
    def backend(self) -> Optional[str]:
        """Decoder of MMCV that the pipeline names, None for the default one."""
        return getattr(self.transform.transforms[0], 'imdecode_backend', None)


def find_images(path: Path, extensions: Sequence[str] = EXTENSIONS) -> List[Path]:
    """Return an image file, or all image files below a folder, sorted.

    Args:
        path: a file, or a folder.
        extensions: endings of the names of image files, in lower case.

    Raises:
        ValueError: neither exists, or the folder contains no images.
    """
    if path.is_file():
        return [path]
    tree = os.walk(path, followlinks=True)
    files = (Path(folder, name) for folder, _, names in tree for name in names)
    files = (file for file in files if file.suffix.lower() in extensions)
    if found := sorted(file for file in files if file.is_file()):
        return found
    problem = 'contains no image' if path.is_dir() else 'does not exist'
    raise ValueError(
        f'images={path} {problem}; give an image file or a folder of images '
        f'({", ".join(extensions)}).'
    )


def build_pipeline(cfg: Config) -> Pipeline:
    """Build the test pipeline of a config.

    Args:
        cfg: config with a `test_dataloader`.

    Raises:
        ValueError: the config has no `test_dataloader` with a pipeline, or the pipeline
            takes arrays instead of files, as that of CIFAR.
    """
    steps = test_dataset(cfg).get('pipeline')
    if not steps:
        raise ValueError(
            f'config {cfg.filename} has no test_dataloader with a pipeline, which '
            'reads and resizes images; give the config of the training run.'
        )
    spec = infer_input_spec(steps)
    if spec.remark == NO_FILES:
        raise ValueError(
            f'config {cfg.filename}: {NO_FILES}; give a config whose '
            "test_dataloader.dataset.pipeline begins with dict(type='LoadImageFromFile'"
            "), dict(type='Resize', scale=...) of the size in training, and "
            'data_preprocessor.to_rgb=True if the network was trained on RGB arrays, '
            "such as CIFAR's."
        )
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        transform = Compose([TRANSFORMS.build(step) for step in steps])
    return Pipeline(transform, spec.is_bgr)


def read_image(path: Path, pipeline: Pipeline) -> Tensor:
    """Return an image after the test pipeline, (C, H, W), before normalisation.

    Args:
        path: an image file.
        pipeline: see `build_pipeline`.

    Raises:
        ValueError: the file cannot be decoded.
    """
    problem = decode_problem(path.read_bytes(), pipeline.backend)
    if problem:
        raise ValueError(f'{path}: {problem}')
    return pipeline.transform(dict(img_path=str(path)))['inputs']


def to_batch(model: nn.Module, inputs: Tensor) -> Tensor:
    """Return what a pipeline returns as a preprocessed batch of one, (1, 3, H, W).

    Args:
        model: a classifier, whose data preprocessor is applied.
        inputs: see `read_image`.
    """
    return model.data_preprocessor(dict(inputs=inputs[None]))['inputs']


def class_of(path: Path, names: Sequence[str]) -> Optional[int]:
    """Return the index of the class that the folder of an image is named after.

    Args:
        path: an image file.
        names: names of all classes. Of several names separated by commas, as those of
            ImageNet's classes, each counts.

    Returns:
        None if no class, or more than one, has the name of the folder.
    """
    folder = path.absolute().parent.name  # not that of the target of a link
    if folder in names:
        return list(names).index(folder)
    found = [k for k, name in enumerate(names) if folder in name.split(', ')]
    return found[0] if len(found) == 1 else None
