"""The network to export: a classifier, with pre- and postprocessing, and metadata."""

import json
from typing import Callable, Dict, List, NamedTuple, Optional, Tuple

import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmpretrain.models.heads import MultiLabelClsHead
from torch import Tensor, nn

from mmadf.utils.types import type_name
from mmadf.version import __version__
from mmadf.weights.load import fitting_names, known_names, test_dataset

from .checks import DeploymentError
from .input_spec import InputSpec, infer_input_spec, normalisation

BATCHES = (2, 1, 5)  # traced with the first: PyTorch would specialise 0 and 1
READERS = ('LoadImageFromFile', 'PackInputs')  # transforms that keep pixels unchanged


class ExportNetwork(NamedTuple):
    """A network to export, batches of random inputs for it, and its metadata."""

    network: nn.Module
    batches: List[Tensor]
    metadata: Dict[str, str]


class RawImages(nn.Module):
    """Preprocessing inside the graph, from RGB pixels to the classifier's input.

    Ours: images have the layout of `numpy.asarray(PIL.Image)`, channels last, so that a
    user neither transposes nor converts them.

    Args:
        data_preprocessor: of the classifier; converts channels, normalises and pads.
        order: channel order that it expects, 'RGB' or 'BGR'.
    """

    def __init__(self, data_preprocessor: nn.Module, order: str) -> None:
        super().__init__()
        self.data_preprocessor = data_preprocessor
        self.flipped = dict(RGB=(), BGR=(1,))[order]

    def forward(self, images: Tensor) -> Tensor:
        """Turn pixels, (N, H, W, 3), 0 to 255, into the network's (N, 3, H, W)."""
        images = images.permute(0, 3, 1, 2)  # (N, H, W, 3) -> (N, 3, H, W)
        images = images.flip(self.flipped)
        return self.data_preprocessor(dict(inputs=images))['inputs']


def prepare(
    model: nn.Module,
    cfg: Config,
    meta: dict,
    size: Optional[Tuple[int, int]],
    preprocess: bool,
    probabilities: bool,
    log: Callable[[str], None],
) -> ExportNetwork:
    """Put pre- and postprocessing around a classifier; collect its metadata.

    Args:
        model: the classifier, in evaluation mode.
        cfg: its config.
        meta: metadata of its checkpoint.
        size: see `export_classifier`, as the next two.
        preprocess: whether the network takes RGB pixels.
        probabilities: whether the network ends with softmax.
        log: is called with a line of text for what cannot be determined.

    Raises:
        ValueError: an argument does not fit the network.
        DeploymentError: the network does not return class scores.
    """
    pipeline = test_dataset(cfg).get('pipeline') or []
    spec = infer_input_spec(pipeline)
    size = size or spec.size
    known = normalisation(model.data_preprocessor, spec)
    if not known:
        log(f'mean and std are unknown: {spec.remark or "custom data preprocessor"}')
    _check(model, spec, size, preprocess and not known, probabilities)
    before = [RawImages(model.data_preprocessor, spec.order)] if preprocess else []
    after = [nn.Softmax(dim=1)] if probabilities else []
    network = nn.Sequential(*before, model, *after).eval()
    batches = [random_pixels((count, spec.channels, *size)) for count in BATCHES]
    if preprocess:
        batches = [pixels.permute(0, 2, 3, 1).contiguous() for pixels in batches]
        known['channel_order'] = 'RGB'
    else:
        batches = [model.data_preprocessor(dict(inputs=x))['inputs'] for x in batches]
    steps = [s for s in pipeline if type_name(s['type']) not in READERS]
    metadata = dict(
        known,
        classes=_classes(cfg, meta, _count_outputs(network, batches[0]), log),
        test_pipeline=steps,  # resizing and cropping are left to the user
        input_size=list(size if preprocess else batches[0].shape[2:]),
        layout='NHWC' if preprocess else 'NCHW',
        dtype=str(batches[0].dtype).removeprefix('torch.'),
        normalisation='inside' if preprocess else 'outside',
        output='probabilities' if probabilities else 'logits',
        mmadf_version=__version__,
    )
    known = {k: _as_text(value) for k, value in metadata.items() if value is not None}
    return ExportNetwork(network, batches, known)


def random_pixels(shape: Tuple[int, int, int, int]) -> Tensor:
    """Return coarse random patterns, (N, C, H, W), uint8, as `shape` gives them.

    Global pooling would make images of fine noise nearly equal.
    """
    generator = torch.Generator().manual_seed(shape[0])
    coarse = torch.rand(*shape[:2], 4, 4, generator=generator)
    return (255 * F.interpolate(coarse, shape[2:], mode='bilinear')).to(torch.uint8)


def _as_text(value: object) -> str:
    """Encode a value of the metadata, as JSON unless it is a string."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


def _check(
    model: nn.Module,
    spec: InputSpec,
    size: Optional[Tuple[int, int]],
    unknown: bool,
    probabilities: bool,
) -> None:
    """Refuse arguments that do not fit the network."""
    if size is None or min(size) < 1:
        raise ValueError(
            f'export: size={size} must be a positive height and width'
            f'{spec.remark and f" ({spec.remark})"}; give --size HEIGHT WIDTH.'
        )
    if unknown:
        raise ValueError(
            "export: preprocess=True needs colour images that only MMPretrain's "
            f'ClsDataPreprocessor normalises ({spec.remark or "it is another one"}); '
            'set preprocess=False.'
        )
    if probabilities and isinstance(getattr(model, 'head', None), MultiLabelClsHead):
        raise ValueError(
            'export: probabilities=True computes softmax over exclusive classes, but '
            f'{type(model.head).__name__} predicts several labels per image; set '
            'probabilities=False.'
        )


@torch.no_grad()
def _count_outputs(network: nn.Module, images: Tensor) -> int:
    """Run the network once; return the number of its classes."""
    try:
        scores = network(images)
    except Exception as error:  # a network may raise anything
        raise DeploymentError(
            f'export: the network fails for images of shape {tuple(images.shape)}: '
            f'{type(error).__name__}: {error}'
        ) from error
    if not isinstance(scores, Tensor) or scores.ndim not in (2, 4):
        found = tuple(getattr(scores, 'shape', ())) or type(scores).__name__
        raise DeploymentError(
            f'export: the network returns {found} instead of scores, (N, K), or score '
            'maps, (N, K, H, W); only classifiers with one head and one task, and '
            'segmentors, can be exported.'
        )
    return scores.shape[1]


def _classes(
    cfg: Config, meta: dict, outputs: int, log: Callable[[str], None]
) -> Optional[List[str]]:
    """Return the class names, None if no known list of names fits."""
    fitting = fitting_names(cfg, meta, outputs)
    if not fitting and (first := next(known_names(cfg, meta), None)):
        log(f'ignored {len(first)} class names: the network has {outputs} outputs')
    return fitting
