"""A classifier as a function of pixels in [0, 1], and the images it is tested on."""

from pathlib import Path
from typing import Tuple, Union

import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpretrain.registry import DATASETS
from torch import Tensor, nn

from mmadf.engine.config import check_config
from mmadf.utils.progress import import_tqdm
from mmadf.weights.load import load_network


class PixelNetwork(nn.Module):
    """A classifier with its normalisation, from pixels in [0, 1] to logits.

    Pixels have the order of channels in which the data pipeline delivers them. They
    are not rounded to 1/255.

    Args:
        classifier: of MMPretrain, with its data preprocessor.
    """

    def __init__(self, classifier: nn.Module) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, pixels: Tensor) -> Tensor:
        """Return logits, (N, num_classes), of `pixels`, (N, 3, H, W) in [0, 1]."""
        preprocess = self.classifier.data_preprocessor
        batch = preprocess(dict(inputs=255 * pixels), training=False)
        return self.classifier(batch['inputs'])

    @property
    def num_classes(self) -> int:
        """Classes of the head."""
        return self.classifier.head.num_classes

    @property
    def reads_bgr(self) -> bool:
        """Whether the pipeline delivers blue first, which is turned around inside."""
        return bool(getattr(self.classifier.data_preprocessor, 'to_rgb', False))


def load_pixel_network(
    cfg: Config, checkpoint: Union[str, Path], device: str = 'cpu'
) -> PixelNetwork:
    """Build a network, in evaluation mode, with the weights of a checkpoint.

    Args:
        cfg: its config.
        checkpoint: its file.
        device: of PyTorch.

    Raises:
        ValueError: the weights are those of another network.
    """
    model, _ = load_network(cfg, checkpoint, device)
    network = PixelNetwork(model)
    network.train(False)
    return network.requires_grad_(False)


def load_images(cfg: Config, limit: int = 0) -> Tuple[Tensor, Tensor]:
    """Read images of the test set, as its pipeline delivers them.

    Args:
        cfg: config with a `test_dataloader`.
        limit: how many, spread evenly over the set, which may be sorted by class; 0
            for all.

    Returns:
        Pixels, (N, 3, H, W), uint8, and labels, (N,).

    Raises:
        FileNotFoundError: the folder of the data does not exist.
        ValueError: images differ in size, or are not 8-bit images.
    """
    check_config(cfg, ('test',))
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        dataset = DATASETS.build(cfg.test_dataloader.dataset)
    count = min(limit, len(dataset)) if limit else len(dataset)
    picked = [index * len(dataset) // count for index in range(count)]
    bar = import_tqdm()(picked, desc='images', unit='image')
    samples = [dataset[index] for index in bar]
    images = [sample['inputs'] for sample in samples]
    kinds = {(tuple(image.shape), image.dtype) for image in images}
    if len(kinds) > 1 or images[0].dtype != torch.uint8:
        raise ValueError(
            f'test_dataloader: images are {sorted(map(str, kinds))[:3]}; let its '
            'pipeline end with a Resize or CenterCrop to one size and with '
            'PackInputs, of 8-bit images.'
        )
    labels = torch.cat([sample['data_samples'].gt_label for sample in samples])
    return torch.stack(images), labels
