"""A trained classifier as a function of pixels in [0, 1], and its test images."""

import hashlib
from pathlib import Path
from typing import Optional, Sequence, Tuple, Union

import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpretrain.registry import DATASETS
from torch import Tensor, nn

from mmadf.engine.config import check_config
from mmadf.engine.data_checks import (
    check_classes,
    check_names,
    check_same_names,
    check_single_label,
    class_names,
)
from mmadf.engine.data_roots import check_data_loader
from mmadf.utils.optional import import_optional


class PixelNetwork(nn.Module):
    """A classifier with its normalisation, from pixels in [0, 1] to logits.

    The channels are in the order in which the data pipeline yields them. Pixels are not
    rounded to 1/255. The network is in evaluation mode and its weights are frozen.

    Args:
        classifier: classifier of MMPretrain, with its data preprocessor.
        reads_bgr: whether the pipeline yields BGR images, see
            `mmadf.deployment.input_spec.yields_bgr`.
    """

    def __init__(self, classifier: nn.Module, reads_bgr: bool) -> None:
        super().__init__()
        self.classifier, self.reads_bgr = classifier, reads_bgr
        self.eval().requires_grad_(False)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return logits, (N, num_classes), of pixels in [0, 1], (N, 3, H, W)."""
        preprocess = self.classifier.data_preprocessor
        batch = preprocess(dict(inputs=255 * pixels), training=False)
        return self.classifier(batch['inputs'])


@torch.no_grad()
def count_classes(network: nn.Module, shape: Sequence[int]) -> int:
    """Return the number of logits of a network of pixels.

    Args:
        network: a `PixelNetwork`.
        shape: shape of one image, (3, H, W).
    """
    return network(next(network.parameters()).new_zeros(1, *shape)).shape[-1]


def load_images(
    cfg: Config,
    limit: int = 0,
    classifier: Optional[nn.Module] = None,
    names: Optional[Sequence[str]] = None,
) -> Tuple[Tensor, Tensor]:
    """Load test images as the pipeline of a config yields them.

    Args:
        cfg: config with a `test_dataloader`.
        limit: number of images, spread evenly over the dataset, which may be sorted by
            class; 0 for all.
        classifier: network, which must predict one label per image and have the number
            of classes of the dataset; None if nothing is checked.
        names: class names of the checkpoint; None if it has none.

    Returns:
        Pixels, uint8, (N, 3, H, W), and labels, (N,).

    Raises:
        FileNotFoundError: the data folder does not exist.
        ValueError: there are no test images, they are not 8-bit colour images of one
            size; the network has another number of classes or several labels per
            image; or the checkpoint or the folders have other classes.
    """
    check_data_loader(cfg, 'test')
    if classifier is not None:
        check_single_label(classifier)
    check_config(cfg, ('test',))
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        dataset = DATASETS.build(cfg.test_dataloader.dataset)
    if classifier is not None:
        check_classes(classifier, dataset, 'test')
    check_names(dataset, 'test')
    check_same_names(class_names(dataset.metainfo), names, 'test', 'the checkpoint')
    count = min(limit, len(dataset)) if limit else len(dataset)
    picked = [index * len(dataset) // count for index in range(count)]
    bar = import_optional('tqdm').tqdm(picked, desc='loading images', unit='image')
    samples = [dataset[index] for index in bar]
    images = [sample['inputs'] for sample in samples]
    kinds = {(tuple(image.shape), image.dtype) for image in images}
    if len(kinds) != 1 or images[0].dtype != torch.uint8 or len(images[0]) != 3:
        raise ValueError(
            f'test_dataloader yields {sorted(map(str, kinds))[:3]}; all images must be '
            'uint8, of 3 channels and of one size: load them in colour, and end the '
            'pipeline with Resize or CenterCrop, and PackInputs.'
        )
    labels = torch.cat([sample['data_samples'].gt_label for sample in samples])
    return torch.stack(images), labels


def fingerprint(cfg: Config, checkpoint: Union[str, Path]) -> str:
    """Return a checkpoint's name and the hashes of its content and its config.

    Args:
        cfg: config of the network.
        checkpoint: file of its weights.

    Raises:
        FileNotFoundError: the checkpoint does not exist.
    """
    contents = Path(checkpoint).read_bytes(), cfg.pretty_text.encode()
    hashes = [hashlib.sha256(content).hexdigest()[:12] for content in contents]
    return f'{Path(checkpoint).name} {" ".join(hashes)}'


def hash_images(images: Tensor, labels: Tensor) -> str:
    """Return a hash of the pixels and labels of a test.

    Args:
        images: see `load_images`.
        labels: see `load_images`.
    """
    content = hashlib.sha256(images.numpy())
    content.update(labels.numpy())
    return content.hexdigest()[:12]
